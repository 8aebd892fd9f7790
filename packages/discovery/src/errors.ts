import { CodexError } from '@codex/runtime';

/** The codes that this package throws. */
export const DISCOVERY_ERRORS = {
  BIND_FAILED: 'a UDP address cannot be bound',
  DISCOVERY_STOPPED: 'discovery is not running',
  KEY_INVALID: 'a private key is no secp256k1 scalar',
  MESSAGE_INVALID: 'a message of the DHT does not decode',
  MESSAGE_UNKNOWN: 'a message of the DHT is of a kind that this node does not know',
  PACKET_INVALID: 'a datagram is no packet of the DHT for this node',
  PEER_KEY_INVALID: 'the key in a handshake is no point of the curve',
  RECORD_INVALID: 'a signed peer record does not decode or its signature does not verify',
  REQUEST_REFUSED: 'a request was not sent',
  REQUEST_TIMEOUT: 'a node of the DHT does not answer',
  RESPONSE_UNEXPECTED: 'a node of the DHT answered something else than asked',
  STORAGE_DAMAGED: 'the file in which discovery keeps what it knows is damaged',
} as const;

export type DiscoveryErrorCode = keyof typeof DISCOVERY_ERRORS;

export class DiscoveryError extends CodexError {
  override readonly name: string = 'DiscoveryError';
  declare readonly code: DiscoveryErrorCode;

  constructor(code: DiscoveryErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(code, message, data, options);
  }
}
