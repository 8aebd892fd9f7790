import { expect, it } from 'vitest';
import { createCompute, InlineCompute } from '../src/index.ts';
import { computeCompliance } from './compliance.ts';
import { double } from './jobs.ts';

computeCompliance('InlineCompute', () => new InlineCompute());

it('lets the event loop turn between jobs', async () => {
  const compute = createCompute({ threads: 0 });
  expect(compute.threads).toBe(0);
  let turns = 0;
  const count = () => {
    turns++;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  await Promise.all(Array.from({ length: 20 }, (_, i) => compute.run(double, i)));
  clearImmediate(timer);
  expect(turns).toBeGreaterThan(10);
});
