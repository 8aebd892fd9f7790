import { CodexError } from '@codex/runtime';

/** The codes that this package throws, each with its one meaning. */
export const EXCHANGE_ERRORS = {
  PEER_ID_INVALID: 'text that is not a libp2p peer id, or the id of this node itself',
  ADDRESS_INVALID: 'no address that can be dialled: an IP multiaddr with a TCP port is needed',
  DIAL_FAILED: 'a peer could not be reached at any of its addresses',
  PEER_NOT_CONNECTED: 'a stream was asked for to a peer that is not connected',
  PROTOCOL_UNSUPPORTED: 'the peer speaks none of the protocols that were offered',
  STREAM_CLOSED: 'a stream ended or was reset while it was in use',
  NETWORK_STOPPED: 'the network is not running',
  MESSAGE_TOO_LARGE: 'a peer announced a message longer than the limit',
  MESSAGE_INVALID: 'a peer sent bytes that are not a message of the protocol',
  BLOCK_NOT_FOUND: 'nobody had the block until the deadline',
  RANGE_INVALID: 'a range of leaves that is not inside the dataset',
  EXCHANGE_STOPPED: 'the exchange was stopped while the call ran',
  FETCHES_LIMIT: 'more fetches at one time than the limit allows',
} as const;

export type ExchangeErrorCode = keyof typeof EXCHANGE_ERRORS;

export class ExchangeError extends CodexError {
  override readonly name = 'ExchangeError';

  constructor(code: ExchangeErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
