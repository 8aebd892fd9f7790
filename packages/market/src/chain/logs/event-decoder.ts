import { marketplaceAbi } from '@codex/contracts';
import { type Abi, decodeEventLog, toEventSelector } from 'viem';
import { isHex } from '../blocks/header.ts';
import type { Ask, Hex, MarketEvent, RequestId, TracedEvent } from '../marketplace.ts';

/** The contract's names of the events that are told, and ours (12 §2). Nobody waits for proofs, and there are far more of them than of all others. */
const TYPES = {
  StorageRequested: 'storageRequested',
  RequestFulfilled: 'requestFulfilled',
  RequestFailed: 'requestFailed',
  RequestCancelled: 'requestCancelled',
  SlotFilled: 'slotFilled',
  SlotFreed: 'slotFreed',
  SlotReservationsFull: 'slotReservationsFull',
} as const;

/** The definitions of the contract, whose parameters' types are those above. */
const EVENTS: Abi = marketplaceAbi.filter((item) => item.type === 'event' && item.name in TYPES);

/** First topics of the events that are told. */
export const TOPICS: readonly Hex[] = EVENTS.flatMap((item) => (item.type === 'event' ? [toEventSelector(item)] : []));

/** A log as an event; undefined for one of other events, one that is not in a block, or one that is no log. */
export function decodeLog(log: unknown): TracedEvent | undefined {
  const raw = (log ?? {}) as Record<string, unknown>;
  const { topics, data, blockNumber, blockHash, transactionHash, logIndex, removed } = raw;
  if (removed === true || !Array.isArray(topics) || !TOPICS.includes(topics[0])) return undefined;
  if (!isHex(blockNumber) || !isHex(blockHash) || !isHex(transactionHash) || !isHex(logIndex)) return undefined;
  let event: MarketEvent;
  try {
    event = decode(topics as [Hex, ...Hex[]], data as Hex);
  } catch {
    return undefined;
  }
  return {
    event,
    blockNumber: BigInt(blockNumber),
    blockHash: blockHash.toLowerCase() as Hex,
    transactionHash: transactionHash.toLowerCase() as Hex,
    logIndex: Number(logIndex),
    undone: false,
  };
}

function decode(topics: [Hex, ...Hex[]], data: Hex): MarketEvent {
  const { eventName, args } = decodeEventLog({ abi: EVENTS, topics, data }) as unknown as {
    eventName: keyof typeof TYPES;
    args: Record<string, unknown>;
  };
  const type = TYPES[eventName];
  const requestId = args.requestId as RequestId;
  switch (type) {
    case 'storageRequested':
      return { type, requestId, ask: args.ask as Ask, expiry: args.expiry as bigint };
    case 'slotFilled':
    case 'slotFreed':
    case 'slotReservationsFull':
      return { type, requestId, slotIndex: args.slotIndex as bigint };
    default:
      return { type, requestId };
  }
}
