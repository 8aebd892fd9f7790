import { createHash } from 'node:crypto';
import { NodeId } from '../src/identity/node-id.ts';
import { SignedRecord } from '../src/record/signed-record.ts';

/** An id that a number stands for. */
export function someId(number: number): NodeId {
  return new NodeId(createHash('sha256').update(`node ${number}`).digest());
}

export interface FakeRecordInit {
  readonly ip?: string;
  readonly port?: number;
  readonly seq?: number;
}

/** A record that nobody signed, for what does not look at signatures: thousands of them cost nothing. */
export function fakeRecord(id: NodeId, { ip = '127.0.0.1', port = 9000, seq = 1 }: FakeRecordInit = {}): SignedRecord {
  const fields = {
    peerId: `peer ${id.hex}`,
    publicKey: new Uint8Array(37),
    seq,
    addresses: [`/ip4/${ip}/udp/${port}`],
    envelope: Buffer.from(`${id.hex} ${seq}`),
    udp: { ip, port },
    nodeId: id,
  };
  return Object.setPrototypeOf(fields, SignedRecord.prototype);
}
