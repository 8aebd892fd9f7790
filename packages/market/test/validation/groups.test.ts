import { seededRandom } from '@codex/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkValidatorOptions, groupOf, MemoryRecords, WatchList } from '../../src/index.ts';

const hex = (n: number) => `0x${n.toString(16).padStart(64, '0')}` as const;

describe('groups of slots', () => {
  it.each([
    [2, 1],
    [3, 0],
    [10, 7],
  ])('are as in the vectors: of %d groups number %d', (groups, group) => {
    expect(groupOf('0x4b7b68e933bcf23dc351aca82e52afed222e0156919bf2773e2a216ec443dfa3', groups)).toBe(group);
  });

  it.each([
    [{ maxSlots: -1 }, 'The value of maxSlots must be greater than or equal to 0! (got: -1)'],
    [
      { maxSlots: 0, groups: 2, groupIndex: 2 },
      'The value of the group index must be less than validation groups! (got: groupIndex = 2, groups = 2)',
    ],
    [{ maxSlots: 0, groups: 1 }, 'The number of validation groups must be from 2 to 65535! (got: 1)'],
  ])('refuse %o', (options, text) => {
    expect(() => checkValidatorOptions(options)).toThrow(
      expect.objectContaining({ code: 'VALIDATOR_INVALID', message: text }),
    );
  });

  it('take options of every right kind', () => {
    checkValidatorOptions({ maxSlots: 0, groupIndex: 9 });
    checkValidatorOptions({ maxSlots: 1000, groups: 65535, groupIndex: 65534 });
  });
});

describe('the list of watched slots', () => {
  it('watches as many as it may, never more, and fills places that become free; also after a restart', () => {
    const step = fc.tuple(fc.constantFrom('add', 'delete', 'request', 'ended', 'restart'), fc.nat(40));
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.nat(6), fc.nat(), async (steps, max, seed) => {
        const records = new MemoryRecords();
        let list = new WatchList(records, seededRandom(seed), max);
        const known = new Map<string, number>();
        for (const [kind, n] of steps) {
          if (kind === 'add') {
            list.add(hex(n), hex(n % 5), n % 3 === 0 ? undefined : 100 + n);
            if (!known.has(hex(n))) known.set(hex(n), n);
          } else if (kind === 'delete') {
            list.delete(hex(n));
            known.delete(hex(n));
          } else if (kind === 'request') {
            list.deleteRequest(hex(n % 5));
            for (const [id, k] of known) if (k % 5 === n % 5) known.delete(id);
          } else if (kind === 'ended') {
            list.deleteEnded(100 + n);
            for (const [id, k] of known) if (k % 3 !== 0 && k < n) known.delete(id);
          } else {
            await list.save();
            list = new WatchList(records, seededRandom(seed + n), max);
          }
          const { watched } = list;
          expect(new Set(watched).size).toBe(watched.length);
          expect(watched.every((id) => known.has(id))).toBe(true);
          expect(watched.length).toBe(max === 0 ? known.size : Math.min(max, known.size));
          expect(watched.length + list.waiting).toBe(known.size);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('learns the end of a request once for all its slots', () => {
    const list = new WatchList(new MemoryRecords(), seededRandom(1), 0);
    list.add(hex(1), hex(9), undefined);
    list.add(hex(2), hex(9), undefined);
    expect(list.endless()).toEqual([hex(9)]);
    list.learnEnd(hex(9), 50);
    expect([list.endless(), list.endOf(hex(9))]).toEqual([[], 50]);
    list.deleteEnded(50);
    expect(list.watched).toHaveLength(2);
    list.deleteEnded(51);
    expect(list.watched).toHaveLength(0);
  });
});
