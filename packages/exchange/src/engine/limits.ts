const KiB = 1024;
const MiB = 1024 * KiB;
const SECOND = 1000;

/** Everything that is bounded, with the reason. All can be set through `ExchangeInit`. */
export interface ExchangeLimits {
  /** Without progress for this long a fetch fails: nobody has the block. */
  readonly findDeadlineMs: number;
  /** One search by the finder for one content id in this time; a lookup takes about a second. */
  readonly findIntervalMs: number;
  /** Fetches that may wait at one time, of datasets and of single blocks, each. */
  readonly fetchesMax: number;

  /** Bytes asked for or being stored, over all peers: what a fast network and a slow disk may pile up. */
  readonly inFlightMaxBytes: number;
  /** What one peer may owe us: at least two requests, so that it never waits for us … */
  readonly peerWindowMinBytes: number;
  /** … and at most what a link of 1 Gbit/s carries in a sixteenth of a second. */
  readonly peerWindowMaxBytes: number;
  /** A window holds what the peer delivers in two round trips and this time, in which a request is answered and stored. */
  readonly peerWindowMs: number;
  /** Bytes of one request at most: small enough to spread over peers, large enough to make its proof cheap … */
  readonly requestBytes: number;
  /** … and at least, where a block is not larger: also the size until the speed of a peer is known … */
  readonly requestMinBytes: number;
  /** … and what a peer delivers in this time: a swarm hands blocks on as soon as the request is complete. */
  readonly requestMs: number;

  /** A peer that owes blocks and sends nothing for this long gets no new requests; others take over its work. */
  readonly stallMs: number;
  /** A peer that owes blocks and sends nothing for this long is disconnected, as the reference does (04 §8). */
  readonly peerTimeoutMs: number;
  /** A request that is not complete after this long is given to somebody else, however many bytes trickle in. */
  readonly requestTimeoutMs: number;
  /** A request overdue by this much may be asked of a second peer when nothing else is left to ask, or a reader waits. */
  readonly endgameMs: number;

  /** One message of 1.0.0: 20 of the largest blocks (1 MiB) with their proofs. */
  readonly messageMaxBytes: number;
  /** Parts of unfinished messages of all peers together. */
  readonly unfinishedMaxBytes: number;
  /** Messages of one peer that arrived and are not worked on; then its stream is paused. */
  readonly backlogMaxBytes: number;
  /** Blocks that one peer may want and we remember; the reference asks for 1024 per download (04 §8). */
  readonly wantedBlocksMax: number;
  /** Streams of block exchange that a peer may have open, as in the reference. */
  readonly inboundStreamsMax: number;
  /** Trees that a peer may follow over our own protocol. */
  readonly followsMax: number;
  /** Requests of one stream that wait for their answer. */
  readonly queuedRequestsMax: number;
  /** Single blocks that a peer may wait for. */
  readonly queuedFetchesMax: number;

  /** Malformed messages until a peer is dropped. */
  readonly malformedMax: number;
  /** Wrong proofs or blocks until a peer is dropped: an honest disk may fail once or twice. */
  readonly wrongBlocksMax: number;
  /** Blocks that nobody asked for, or asked for and cancelled, until a peer is dropped: cancels cross deliveries. */
  readonly spuriousBlocksMax: number;
  /** Offences older than this are forgotten: an honest peer that stays for weeks makes some. */
  readonly offenceWindowMs: number;
  /** How long a dropped peer is not let in again. */
  readonly banMs: number;
}

export const DEFAULT_LIMITS: ExchangeLimits = {
  findDeadlineMs: 60 * SECOND,
  findIntervalMs: 3 * SECOND,
  fetchesMax: 1024,
  inFlightMaxBytes: 24 * MiB,
  peerWindowMinBytes: 512 * KiB,
  peerWindowMaxBytes: 8 * MiB,
  peerWindowMs: 100,
  requestBytes: 1 * MiB,
  requestMinBytes: 256 * KiB,
  requestMs: 50,
  stallMs: 10 * SECOND,
  peerTimeoutMs: 60 * SECOND,
  requestTimeoutMs: 120 * SECOND,
  endgameMs: 1 * SECOND,
  messageMaxBytes: 24 * MiB,
  unfinishedMaxBytes: 64 * MiB,
  backlogMaxBytes: 8 * MiB,
  wantedBlocksMax: 16_384,
  inboundStreamsMax: 100,
  followsMax: 1024,
  queuedRequestsMax: 256,
  queuedFetchesMax: 1024,
  malformedMax: 3,
  wrongBlocksMax: 3,
  spuriousBlocksMax: 4096,
  offenceWindowMs: 600 * SECOND,
  banMs: 600 * SECOND,
};
