/** The messages of `/codex/blockexc/1.0.0` (04 §3). Content ids are kept in their binary form. */

/** A block of a dataset is asked for by its place in the tree; a manifest or stand-alone block by its id (04 §4). */
export type BlockAddress =
  | { readonly leaf: true; readonly treeCid: Uint8Array; readonly index: number }
  | { readonly leaf: false; readonly cid: Uint8Array };

export const WANT = { block: 0, have: 1 } as const;
export type WantType = (typeof WANT)[keyof typeof WANT];

export const PRESENCE = { have: 0, dontHave: 1 } as const;
export type PresenceType = (typeof PRESENCE)[keyof typeof PRESENCE];

export interface WantEntry {
  readonly address: BlockAddress;
  readonly priority: number;
  readonly cancel: boolean;
  readonly wantType: WantType;
  readonly sendDontHave: boolean;
}

export interface WantList {
  readonly entries: readonly WantEntry[];
  readonly full: boolean;
}

export interface BlockDelivery {
  readonly cid: Uint8Array;
  /** Length 0 for the empty block, never absent: a reference node dies of a delivery without this field. */
  readonly data: Uint8Array;
  readonly address: BlockAddress;
  /** An encoded inclusion proof (01 §6); empty for a plain address. */
  readonly proof: Uint8Array;
}

export interface BlockPresence {
  readonly address: BlockAddress;
  readonly type: PresenceType;
  /** 32 bytes, big-endian, as sent; empty reads as 0. */
  readonly price: Uint8Array;
}

export interface Message {
  readonly wantList: WantList;
  readonly payload: readonly BlockDelivery[];
  readonly presences: readonly BlockPresence[];
  readonly pendingBytes: number;
  /** Never sent, ignored when received (04 §10). */
  readonly account: Uint8Array;
  readonly payment: Uint8Array;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** A message with the given parts; what is left out is empty. */
export function message(parts: Partial<Message>): Message {
  return {
    wantList: { entries: [], full: false },
    payload: [],
    presences: [],
    pendingBytes: 0,
    account: NO_BYTES,
    payment: NO_BYTES,
    ...parts,
  };
}

/** A key for maps: equal exactly for equal addresses. Not printable. */
export function addressKey(address: BlockAddress): string {
  return address.leaf ? `${latin1(address.treeCid)}/${address.index}` : `:${latin1(address.cid)}`;
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
