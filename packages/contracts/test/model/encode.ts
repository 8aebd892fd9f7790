import { encodeFunctionData, parseAbi, toEventSelector, toFunctionSelector } from 'viem';
import type { Address, Call, ModelEvent, ProofClaim } from '../../src/model/index.ts';

/** Where a call goes, and what is sent. */
export interface EncodedCall {
  readonly target: 'market' | 'token';
  readonly data: `0x${string}`;
}

const word = (value: bigint): string => value.toString(16).padStart(64, '0');
const address = (value: Address): string => value.slice(2).padStart(64, '0');
const bare = (value: `0x${string}`): string => value.slice(2);

/** The test verifier takes every proof but that of zeros. */
const proofWords = ({ valid }: ProofClaim): string => word(valid ? 1n : 0n) + word(0n).repeat(7);
const PROOF = '((uint256,uint256),((uint256,uint256),(uint256,uint256)),(uint256,uint256))';

const selector = (signature: string): string => toFunctionSelector(`function ${signature}`);
const SELECTORS = {
  reserveSlot: selector('reserveSlot(bytes32,uint64)'),
  fillSlot: selector(`fillSlot(bytes32,uint64,${PROOF})`),
  submitProof: selector(`submitProof(bytes32,${PROOF})`),
  markProofAsMissing: selector('markProofAsMissing(bytes32,uint64)'),
  canMarkProofAsMissing: selector('canMarkProofAsMissing(bytes32,uint64)'),
  freeSlot: selector('freeSlot(bytes32)'),
  freeSlotTo: selector('freeSlot(bytes32,address,address)'),
  withdrawFunds: selector('withdrawFunds(bytes32)'),
  withdrawFundsTo: selector('withdrawFunds(bytes32,address)'),
  mint: selector('mint(address,uint256)'),
  transfer: selector('transfer(address,uint256)'),
  approve: selector('approve(address,uint256)'),
};

const REQUEST_STORAGE = parseAbi([
  'struct Ask { uint256 proofProbability; uint256 pricePerBytePerSecond; uint256 collateralPerByte; uint64 slots; uint64 slotSize; uint64 duration; uint64 maxSlotLoss; }',
  'struct Content { bytes cid; bytes32 merkleRoot; }',
  'struct Request { address client; Ask ask; Content content; uint64 expiry; bytes32 nonce; }',
  'function requestStorage(Request request)',
]);

/** Written by hand from the tables of 12 §2, so that the build's own encoding is tried too. */
export function encodeCall(call: Call, market: Address): EncodedCall {
  const encoded = (name: keyof typeof SELECTORS, ...words: string[]) =>
    `${SELECTORS[name]}${words.join('')}` as `0x${string}`;
  const toMarket = (data: `0x${string}`): EncodedCall => ({ target: 'market', data });
  const toToken = (data: `0x${string}`): EncodedCall => ({ target: 'token', data });
  switch (call.name) {
    case 'requestStorage':
      return toMarket(encodeFunctionData({ abi: REQUEST_STORAGE, args: [call.request] }));
    case 'reserveSlot':
      return toMarket(encoded('reserveSlot', bare(call.requestId), word(call.index)));
    case 'fillSlot':
      return toMarket(encoded('fillSlot', bare(call.requestId), word(call.index), proofWords(call.proof)));
    case 'submitProof':
      return toMarket(encoded('submitProof', bare(call.slotId), proofWords(call.proof)));
    case 'markProofAsMissing':
    case 'canMarkProofAsMissing':
      return toMarket(encoded(call.name, bare(call.slotId), word(call.period)));
    case 'freeSlot':
      return toMarket(
        call.recipients
          ? encoded('freeSlotTo', bare(call.slotId), ...call.recipients.map(address))
          : encoded('freeSlot', bare(call.slotId)),
      );
    case 'withdrawFunds':
      return toMarket(
        call.recipient
          ? encoded('withdrawFundsTo', bare(call.requestId), address(call.recipient))
          : encoded('withdrawFunds', bare(call.requestId)),
      );
    case 'mint':
    case 'transfer':
      return toToken(encoded(call.name, address(call.to), word(call.amount)));
    case 'approve':
      return toToken(encoded('approve', address(market), word(call.amount)));
  }
}

/** A log as it stands in a receipt. */
export interface Log {
  readonly topics: readonly string[];
  readonly data: string;
}

const topic = (signature: string): string => toEventSelector(`event ${signature}`);
const TOPICS = {
  StorageRequested: topic('StorageRequested(bytes32,(uint256,uint256,uint256,uint64,uint64,uint64,uint64),uint64)'),
  StorageRequestedBy: topic('StorageRequestedBy(bytes32,address,uint64)'),
  RequestFulfilled: topic('RequestFulfilled(bytes32)'),
  RequestFailed: topic('RequestFailed(bytes32)'),
  RequestCancelled: topic('RequestCancelled(bytes32)'),
  SlotFilled: topic('SlotFilled(bytes32,uint64)'),
  SlotFreed: topic('SlotFreed(bytes32,uint64)'),
  SlotReservationsFull: topic('SlotReservationsFull(bytes32,uint64)'),
  ProofSubmitted: topic('ProofSubmitted(bytes32)'),
  ProofSubmittedFor: topic('ProofSubmittedFor(bytes32,uint64)'),
  Transfer: topic('Transfer(address,address,uint256)'),
} as const;

/** Emitted by the token at an approval: the model has no word for it. */
export const APPROVAL_TOPIC = topic('Approval(address,address,uint256)');

/** A log in one line: its topics and its data. */
export const lineOf = ({ topics, data }: Log): string => `${topics.join(' ')} ${data}`;

/** The line of the log that an event of the model stands for (12 §2, R13). */
export function encodeEvent(event: ModelEvent): string {
  const line = (indexed: string[], data: string[]) =>
    [TOPICS[event.name], ...indexed.map((value) => `0x${value}`), `0x${data.join('')}`].join(' ');
  switch (event.name) {
    case 'StorageRequested': {
      const { proofProbability, pricePerBytePerSecond, collateralPerByte, slots, slotSize, duration, maxSlotLoss } =
        event.ask;
      const ask = [proofProbability, pricePerBytePerSecond, collateralPerByte, slots, slotSize, duration, maxSlotLoss];
      return line([], [bare(event.requestId), ...ask.map(word), word(event.expiry)]);
    }
    case 'StorageRequestedBy':
      return line([bare(event.requestId), address(event.client)], [word(event.expiry)]);
    case 'RequestFulfilled':
    case 'RequestFailed':
    case 'RequestCancelled':
      return line([bare(event.requestId)], []);
    case 'SlotFilled':
    case 'SlotFreed':
    case 'SlotReservationsFull':
      return line([bare(event.requestId)], [word(event.slotIndex)]);
    case 'ProofSubmitted':
      return line([], [bare(event.id)]);
    case 'ProofSubmittedFor':
      return line([bare(event.id), word(event.period)], []);
    case 'Transfer':
      return line([address(event.from), address(event.to)], [word(event.value)]);
  }
}
