import { keccak256 } from 'viem';
import type { RequestRecord } from './market-state.ts';
import type { Address, Block, Bytes32 } from './types.ts';

/** Shares of time and of the network are binary fractions of so many bits. */
const FRACTION_BITS = 64n;
const ONE = 1n << FRACTION_BITS;
/** Bits of the time that count: finer ones move the share by less than a millionth. */
const TIME_BITS = 16n;

function squareRoot(value: bigint): bigint {
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** 2^(1/2), 2^(1/4), …, rounded down; each is the root of the one before, taken with room to spare. */
const ROOTS: readonly bigint[] = (() => {
  const spare = 128n;
  let root = 2n << (FRACTION_BITS + spare);
  return Array.from({ length: Number(TIME_BITS) }, () => {
    root = squareRoot(root << (FRACTION_BITS + spare));
    return root >> spare;
  });
})();

/**
 * F(x) of 17 §6 with a fifth of the network eligible at half-time: s = ln 16, so that it is (16^x − 1) / 15, and 16^x = 2^4x.
 * The contract rounds down after every factor, and so does this.
 */
export function shareEligible(x: bigint): bigint {
  const exponent = 4n * x;
  let power = ONE;
  for (let bit = 0n; bit < TIME_BITS; bit++) {
    if ((exponent >> (FRACTION_BITS - 1n - bit)) & 1n) power = (power * ROOTS[Number(bit)]!) >> FRACTION_BITS;
  }
  return ((power << (exponent >> FRACTION_BITS)) - ONE) / 15n;
}

/** True when `host` is near enough to the slot to reserve it by now (R6). */
export function windowIsOpen(record: RequestRecord, slotId: Bytes32, host: Address, block: Block): boolean {
  const requestedAt = record.endsAt - record.request.ask.duration;
  const elapsed = block.timestamp - requestedAt;
  const span = record.expiresAt - requestedAt;
  if (elapsed >= span) return true;
  const place = BigInt(keccak256(`0x${host.slice(2).padStart(64, '0')}`));
  const distance = (place ^ BigInt(slotId)) >> (256n - FRACTION_BITS);
  return distance < shareEligible((elapsed << FRACTION_BITS) / span);
}
