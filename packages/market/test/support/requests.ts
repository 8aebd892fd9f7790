import { manifestCid } from '@codex/content';
import type { Address, Ask } from '../../src/chain/marketplace.ts';
import type { PurchaseTerms } from '../../src/index.ts';
import type { FakeChain } from './fake-chain.ts';

export const address = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`;

const CID: `0x${string}` = `0x${Buffer.from(manifestCid(new Uint8Array(32).fill(7)).bytes).toString('hex')}`;

/** Three slots, one of which may be lost, for twenty minutes. */
export const ASK: Ask = {
  proofProbability: 2n,
  pricePerBytePerSecond: 2n,
  collateralPerByte: 5n,
  slots: 3n,
  slotSize: 1000n,
  duration: 1200n,
  maxSlotLoss: 1n,
};

export function purchaseTerms(ask: Partial<Ask> = {}, expiry = 300n): PurchaseTerms {
  return {
    ask: { ...ASK, ...ask },
    content: { cid: CID, merkleRoot: `0x${'11'.repeat(32)}` },
    expiry,
  };
}

/** Hosts that nobody runs fill slots at once: host 500 + i has slot i. */
export function fillAll(chain: FakeChain, requestId: `0x${string}`, slots: number): void {
  for (let i = 0; i < slots; i++) {
    const host = address(500 + i);
    chain.mint(host, 1_000_000n);
    chain.force({ name: 'reserveSlot', requestId, index: BigInt(i) }, host);
    chain.force({ name: 'fillSlot', requestId, index: BigInt(i), proof: { valid: true } }, host);
  }
}
