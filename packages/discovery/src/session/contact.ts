import { type Endpoint, endpointText } from '../datagram/datagram.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { SignedRecord } from '../record/signed-record.ts';

/** A node at one place. The same id at another endpoint is another contact, with a session of its own (05 §3). */
export interface Contact {
  readonly id: NodeId;
  readonly endpoint: Endpoint;
  /** Whose key a handshake needs; without it the record is looked up by the id. */
  readonly record?: SignedRecord | undefined;
}

/** The key of maps by contact. */
export function contactKey(id: NodeId, endpoint: Endpoint): string {
  return `${id.hex}@${endpointText(endpoint)}`;
}
