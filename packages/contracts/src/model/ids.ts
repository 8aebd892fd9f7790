import { encodeAbiParameters, keccak256 } from 'viem';
import type { Bytes32, Request } from './types.ts';

const REQUEST = [
  {
    type: 'tuple',
    components: [
      { name: 'client', type: 'address' },
      {
        name: 'ask',
        type: 'tuple',
        components: [
          { name: 'proofProbability', type: 'uint256' },
          { name: 'pricePerBytePerSecond', type: 'uint256' },
          { name: 'collateralPerByte', type: 'uint256' },
          { name: 'slots', type: 'uint64' },
          { name: 'slotSize', type: 'uint64' },
          { name: 'duration', type: 'uint64' },
          { name: 'maxSlotLoss', type: 'uint64' },
        ],
      },
      {
        name: 'content',
        type: 'tuple',
        components: [
          { name: 'cid', type: 'bytes' },
          { name: 'merkleRoot', type: 'bytes32' },
        ],
      },
      { name: 'expiry', type: 'uint64' },
      { name: 'nonce', type: 'bytes32' },
    ],
  },
] as const;

/** The hash of the ABI's encoding (12 §1). */
export function requestIdOf(request: Request): Bytes32 {
  return keccak256(encodeAbiParameters(REQUEST, [request]));
}

/** The hash of the request's id and the index, two words (12 §1). */
export function slotIdOf(requestId: Bytes32, index: bigint): Bytes32 {
  return keccak256(`${requestId}${index.toString(16).padStart(64, '0')}`);
}
