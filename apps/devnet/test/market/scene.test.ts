import { describe, expect, it } from 'vitest';
import type { Market } from '../../src/market/market.ts';
import { type Contract, Scene } from '../../src/market/scene.ts';
import type { Sight } from '../../src/market/sight.ts';

const REQUEST = '0x01';
const CONTRACT = { requestId: REQUEST, slots: 2, end: 400, expiry: 200 } as unknown as Contract;

const sight = (call: string, other: Partial<Sight> = {}): Sight => ({
  block: 100n,
  time: 100,
  from: '0xaa',
  call,
  args: [],
  ok: true,
  requestId: REQUEST,
  slotIndex: 0,
  events: [],
  transfers: [],
  ...other,
});

/** A scene on a chain of which these calls are known; what is asked for must be true at once. */
function sceneOf(sights: readonly Sight[], time = 105) {
  const skipped: number[] = [];
  const when = async (what: string, find: (sights: readonly Sight[], time: number) => unknown) => {
    const found = find(sights, time);
    if (found === undefined) throw new Error(what);
    return found;
  };
  const market = {
    pace: { blockSeconds: 1, periodSeconds: 10 },
    watch: { sights, time, when },
    chain: { skip: async (seconds: number) => void skipped.push(seconds) },
    nameOf: (address: string) => address,
  };
  return { scene: new Scene(market as unknown as Market, {}), skipped };
}

describe('a call that was refused', () => {
  const late = sight('fillSlot', { ok: false, from: '0xbb', block: 102n, time: 108 });
  const expectOnlyLate = (...sights: Sight[]) => sceneOf(sights).scene.expectOnlyLate();

  it('is explained by one that took the slot a moment before', () => {
    expect(() => expectOnlyLate(sight('fillSlot'), late)).not.toThrow();
    expect(() => expectOnlyLate(sight('fillSlot', { block: 102n }), late)).not.toThrow();
  });

  it('is explained by the end of the period in which the slot was proved', () => {
    expect(() => expectOnlyLate({ ...late, time: 110 })).not.toThrow();
  });

  it.each([
    ['nobody had taken it', []],
    ['another slot was taken', [sight('fillSlot', { slotIndex: 1 })]],
    ['it was taken long before', [sight('fillSlot', { block: 90n })]],
    ['it was taken after that', [sight('fillSlot', { block: 103n })]],
    ['it was its own', [sight('fillSlot', { from: '0xbb' })]],
    ['that was refused, too', [sight('fillSlot', { ok: false }), sight('fillSlot', { ok: false })]],
  ])('is a failure when %s', (_, others) => {
    expect(() => expectOnlyLate(...others, late)).toThrow(expect.objectContaining({ code: 'STORY_FAILED' }));
  });

  it('is a failure when it is no race for a slot, unless it is known', () => {
    const { scene } = sceneOf([sight('submitProof', { ok: false })]);
    expect(() => scene.expectOnlyLate()).toThrow(/0xaa was late with submitProof of slot 0/);
    expect(() => scene.expectOnlyLate(({ call }) => call === 'submitProof')).not.toThrow();
  });
});

describe('the rest of a contract', () => {
  const filled = [sight('fillSlot', { time: 90 }), sight('fillSlot', { time: 91, slotIndex: 1 })];

  it('is skipped when all slots are proved in the present period', async () => {
    const { scene, skipped } = sceneOf([...filled, sight('submitProof'), sight('submitProof', { slotIndex: 1 })]);
    await scene.skipTo(CONTRACT.end, [CONTRACT]);
    expect(skipped).toEqual([400 + 15 - 105]);
  });

  it('is not skipped while a proof is due', async () => {
    const { scene, skipped } = sceneOf([...filled, sight('submitProof')]);
    await expect(scene.skipTo(CONTRACT.end, [CONTRACT])).rejects.toThrow('proved in the same period');
    expect(skipped).toEqual([]);
  });

  it('does not wait for slots that were taken away', async () => {
    const taken = sight('markProofAsMissing', { slotIndex: 1, events: ['SlotFreed'] });
    const { scene, skipped } = sceneOf([...filled, taken, sight('submitProof')]);
    await scene.skipTo(CONTRACT.end, [CONTRACT]);
    expect(skipped).toHaveLength(1);
  });
});
