import { keccak256 } from 'viem';
import type { Hex } from '../marketplace.ts';

/** Bytes of a block's filter of addresses and topics. */
const BLOOM_BYTES = 256;

/** The three bits that stand for an address or a topic: pairs of bytes of its hash, 11 bits of each. */
function bitsOf(item: Hex): number[] {
  const hash = Buffer.from(keccak256(item).slice(2, 14), 'hex');
  return [0, 2, 4].map((at) => hash.readUInt16BE(at) & 0x7ff);
}

/** Whether blocks with such a filter can have logs of an address with one of the topics as first. */
export function bloomTest(address: Hex, topics: readonly Hex[]): (bloom: Hex) => boolean {
  const addressBits = bitsOf(address);
  const topicBits = topics.map(bitsOf);
  return (bloom) => {
    const bytes = Buffer.from(bloom.slice(2), 'hex');
    const isSet = (bit: number) => ((bytes[BLOOM_BYTES - 1 - (bit >> 3)] ?? 0) & (1 << (bit & 7))) !== 0;
    return addressBits.every(isSet) && topicBits.some((bits) => bits.every(isSet));
  };
}
