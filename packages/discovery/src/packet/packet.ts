import type { NodeId } from '../identity/node-id.ts';

/** The least bytes of a packet (05 §3): masking iv, static header, WHOAREYOU's authdata. */
export const PACKET_MIN_BYTES = 63;
/** What one UDP datagram carries at most (over IPv6): the reference sends replies far above the usual 1280 bytes. */
export const PACKET_MAX_BYTES = 65_527;
export const NONCE_BYTES = 12;
export const ID_NONCE_BYTES = 16;
export const MASKING_IV_BYTES = 16;

/** What stands in clear once a packet is unmasked. */
interface Unmasked {
  /** 12 bytes. */
  readonly nonce: Uint8Array;
  /** masking iv ‖ unmasked header: the additional data of the message, or of a WHOAREYOU the challenge data (63 bytes). */
  readonly authenticated: Uint8Array;
}

export interface OrdinaryPacket extends Unmasked {
  readonly flag: 'ordinary';
  readonly source: NodeId;
  /** Ciphertext with its tag. */
  readonly message: Uint8Array;
}

export interface WhoAreYouPacket extends Unmasked {
  readonly flag: 'whoareyou';
  /** 16 bytes. */
  readonly idNonce: Uint8Array;
  /** The newest record that the sender has of us; 0 = none. */
  readonly recordSeq: bigint;
}

export interface HandshakePacket extends Unmasked {
  readonly flag: 'handshake';
  readonly source: NodeId;
  /** DER. */
  readonly signature: Uint8Array;
  /** 37-byte public key protobuf. */
  readonly ephemeralKey: Uint8Array;
  /** Envelope of the sender's record; undefined when none came. */
  readonly record: Uint8Array | undefined;
  /** Ciphertext with its tag. */
  readonly message: Uint8Array;
}

export type Packet = OrdinaryPacket | WhoAreYouPacket | HandshakePacket;
