import { expect, it } from 'vitest';
import { together } from '../../src/prover/together.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('gives all results, in order', async () => {
  const results = await together([async () => 1, async () => 'two'], {});
  expect(results).toEqual([1, 'two']);
});

it('stops the others when one fails, and waits for them', async () => {
  const events: string[] = [];
  const reason = new Error('broken');
  const slow = async ({ signal }: { readonly signal: AbortSignal }) => {
    while (!signal.aborted) await turn();
    events.push('told');
    await turn();
    events.push('ended');
    throw signal.reason;
  };
  const broken = async () => {
    await turn();
    throw reason;
  };
  await expect(together([slow, broken], {})).rejects.toBe(reason);
  expect(events).toEqual(['told', 'ended']);
});

it('rejects with the reason of an abort, when all have ended', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  let ended = 0;
  const stubborn = async () => {
    await turn();
    controller.abort(reason);
    await turn();
    ended++;
  };
  await expect(together([stubborn, stubborn], controller)).rejects.toBe(reason);
  expect(ended).toBe(2);
  await expect(together([stubborn], controller)).rejects.toBe(reason);
  expect(ended).toBe(2);
});
