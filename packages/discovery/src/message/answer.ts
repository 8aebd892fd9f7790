import type { SignedRecord } from '../record/signed-record.ts';
import type { Request, Response } from './message.ts';

/** Datagrams that carry answers have no more bytes: what passes every path of the Internet (05 "Do better"). */
const PACKET_BYTES = 1280;
/** Around a message: masking iv, static header, source, tag; then kind, request id, lengths and total. */
const PACKET_OVERHEAD_BYTES = 16 + 23 + 32 + 16 + 17;
/** Tag and length around a record in a list. */
const RECORD_OVERHEAD_BYTES = 3;
/** The reference sends three, and its records are smaller (05 §5). */
const NODES_PER_PACKET = 3;
/** Packets of one answer: all that the 16 nodes of the longest NODES need, and 96 providers. */
const PACKETS_MAX = 16;

type RecordList = Extract<Response, { kind: 'nodes' | 'providers' }>;

const ANSWERS: Readonly<Record<Request['kind'], Response['kind']>> = {
  ping: 'pong',
  findNode: 'nodes',
  findNodeFast: 'nodes',
  talkRequest: 'talkResponse',
  getProviders: 'providers',
};

/** What goes out for an answer: lists in packets of bounded size, in order; an empty list is one packet. */
export function splitAnswer(response: Response): Response[] {
  if (response.kind !== 'nodes' && response.kind !== 'providers') return [response];
  const perPacket = response.kind === 'nodes' ? NODES_PER_PACKET : Number.POSITIVE_INFINITY;
  const packets: SignedRecord[][] = [[]];
  let bytes = PACKET_OVERHEAD_BYTES;
  for (const record of response.records) {
    const size = record.envelope.length + RECORD_OVERHEAD_BYTES;
    const last = packets.at(-1)!;
    // A record too long for any packet goes alone: better in fragments than never.
    if (last.length === 0 || (last.length < perPacket && bytes + size <= PACKET_BYTES)) {
      last.push(record);
      bytes += size;
    } else if (packets.length === PACKETS_MAX) {
      break;
    } else {
      packets.push([record]);
      bytes = PACKET_OVERHEAD_BYTES + size;
    }
  }
  return packets.map((records) => ({ kind: response.kind, total: packets.length, records }));
}

/** Puts the packets of an answer together. They come in any order, some twice, some never. */
export class Answer {
  readonly #expected: Response['kind'];
  #first: Response | undefined;
  #packets = 0;
  readonly #records = new Set<SignedRecord>();
  readonly #peers = new Set<string>();

  constructor(asked: Request['kind']) {
    this.#expected = ANSWERS[asked];
  }

  /** What came so far; undefined when nothing did. */
  get response(): Response | undefined {
    const first = this.#first;
    if (first?.kind !== 'nodes' && first?.kind !== 'providers') return first;
    return { kind: first.kind, total: first.total, records: [...this.#records] };
  }

  /** `repeated`: it brings nothing new, because it is a packet that came before. */
  add(response: Response): 'complete' | 'partial' | 'repeated' | 'unexpected' {
    if (response.kind !== this.#expected) return 'unexpected';
    if (response.kind !== 'nodes' && response.kind !== 'providers') {
      this.#first = response;
      return 'complete';
    }
    return this.#addList(response);
  }

  #addList(list: RecordList): 'complete' | 'partial' | 'repeated' {
    const fresh = list.records.filter(({ peerId, seq }) => !this.#peers.has(`${peerId} ${seq}`));
    if (this.#first && fresh.length === 0) return 'repeated';
    this.#first ??= list;
    this.#packets++;
    for (const record of fresh) {
      this.#peers.add(`${record.peerId} ${record.seq}`);
      this.#records.add(record);
    }
    return this.#packets >= Math.min(list.total, PACKETS_MAX) ? 'complete' : 'partial';
  }
}
