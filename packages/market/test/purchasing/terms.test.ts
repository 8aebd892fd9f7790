import { describe, expect, it } from 'vitest';
import { checkWish, PURCHASE_TRANSITIONS, type PurchaseWish, purchaseDiagram, totalPrice } from '../../src/index.ts';
import { ASK } from '../support/requests.ts';

const WISH: PurchaseWish = {
  duration: 100n,
  proofProbability: 3n,
  pricePerBytePerSecond: 1n,
  collateralPerByte: 1n,
  expiry: 30n,
  nodes: 3,
  tolerance: 1,
};
const SHAPE = 'Invalid parameters: parameters must satify `1 < (nodes - tolerance) ≥ tolerance`';

describe('terms', () => {
  it.each<[Partial<PurchaseWish>, string]>([
    [{ expiry: 0n }, "Expiry must be greater than zero and less than the request's duration"],
    [{ expiry: 100n }, "Expiry must be greater than zero and less than the request's duration"],
    [{ proofProbability: 0n }, 'Proof probability must be greater than zero'],
    [{ collateralPerByte: 0n }, 'Collateral per byte must be greater than zero'],
    [{ pricePerBytePerSecond: 0n }, 'Price per byte per second must be greater than zero'],
    [{ duration: 2592001n }, 'Duration exceeds limit of 2592000 seconds'],
    [{ tolerance: 0 }, 'Tolerance needs to be bigger then zero'],
    [{ tolerance: 4 }, 'Invalid parameters: `tolerance` cannot be greater than `nodes`'],
    [{ nodes: 1 }, SHAPE],
    [{ nodes: 2 }, SHAPE],
    [{ tolerance: 2 }, SHAPE],
    [{ tolerance: 3 }, SHAPE],
    [{ nodes: 257 }, 'Invalid parameters: `nodes` cannot be greater than 256'],
  ])('refuse %o', (wrong, text) => {
    expect(() => checkWish({ ...WISH, ...wrong }, 2592000n)).toThrow(
      expect.objectContaining({ code: 'PURCHASE_INVALID', message: text }),
    );
  });

  it.each([
    [3, 1],
    [4, 2],
    [5, 2],
  ])('take %d nodes, of which %d may be lost', (nodes, tolerance) => {
    checkWish({ ...WISH, nodes, tolerance }, 2592000n);
  });

  it('cost what the contract takes', () => {
    const GIB = 2n ** 30n;
    const ask = { ...ASK, slots: 4n, slotSize: GIB, duration: 36000n, pricePerBytePerSecond: 1n };
    expect(totalPrice(ask)).toBe(154618822656000n);
  });

  it('have a diagram of every way', () => {
    const diagram = purchaseDiagram();
    expect(diagram.split('\n')).toHaveLength(1 + 2 + PURCHASE_TRANSITIONS.length + 3);
    expect(
      diagram
        .split('\n')
        .slice(-3)
        .map((line) => line.trim()),
    ).toEqual([...['finished --> [*]', 'cancelled --> [*]', 'errored --> [*]']]);
  });
});
