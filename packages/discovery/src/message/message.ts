import type { Endpoint } from '../datagram/datagram.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { SignedRecord } from '../record/signed-record.ts';

/** 05 §4. A request id has 1 … 8 bytes. */
export const REQUEST_ID_MAX_BYTES = 8;

export type Request =
  | { readonly kind: 'ping'; readonly seq: number }
  | { readonly kind: 'findNode'; readonly distances: readonly number[] }
  | { readonly kind: 'findNodeFast'; readonly target: NodeId }
  | { readonly kind: 'talkRequest'; readonly protocol: Uint8Array; readonly request: Uint8Array }
  | { readonly kind: 'getProviders'; readonly content: NodeId };

export type Response =
  | { readonly kind: 'pong'; readonly seq: number; readonly endpoint: Endpoint }
  | { readonly kind: 'nodes'; readonly total: number; readonly records: readonly SignedRecord[] }
  | { readonly kind: 'talkResponse'; readonly response: Uint8Array }
  | { readonly kind: 'providers'; readonly total: number; readonly records: readonly SignedRecord[] };

/** A message that nobody answers. */
export type Notice = { readonly kind: 'addProvider'; readonly content: NodeId; readonly record: SignedRecord };

export type MessageBody = Request | Response | Notice;

export interface Message {
  readonly requestId: Uint8Array;
  readonly body: MessageBody;
}
