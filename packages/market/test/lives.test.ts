import { describe, it } from 'vitest';
import { live } from './lives.ts';

describe('a market in which everything goes wrong at once', () => {
  it.each([1, 2, 3, 4])('settles, to the last unit (seed %d)', (seed) =>
    live(seed, { hosts: 6, requests: 4, trouble: 80 }),
  );
});
