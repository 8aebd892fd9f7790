import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NodeId } from '../src/identity/node-id.ts';

export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export interface TranscriptNode {
  readonly privateKey: string;
  readonly peerId: string;
  readonly nodeId: string;
  readonly udpPort: number;
}

export interface TranscriptPacket {
  readonly from: string;
  readonly to: string;
  readonly flag: number;
  readonly hex: string;
  /** Hex of the message in clear; null for a random packet. */
  readonly plaintext?: string | null;
  readonly readKey?: string;
  readonly kind?: string;
  readonly note?: string;
  readonly idNonce?: string;
  readonly recordSeq?: string;
  readonly sig?: string;
  readonly ephKey?: string;
  readonly record?: string;
}

/** All packets between four nodes of the reference. */
export const transcript: {
  readonly nodes: Record<string, TranscriptNode>;
  readonly packets: readonly TranscriptPacket[];
} = JSON.parse(readFileSync(join(import.meta.dirname, 'vectors/dht_transcript.json'), 'utf8'));

export function transcriptNode(name: string): TranscriptNode & { readonly id: NodeId } {
  const node = transcript.nodes[name];
  if (!node) throw new Error(`There is no node ${name}`);
  return { ...node, id: new NodeId(unhex(node.nodeId)) };
}
