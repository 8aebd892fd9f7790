const SECOND_MS = 1000;
const KIB = 1024;

/** Everything that a client can make the API hold or wait for. */
export interface ApiLimits {
  /** Request line and headers together (06: 8 KiB). */
  readonly headerBytes: number;
  /** From the first byte of a request to the end of its headers (06: 10 s). */
  readonly headerTimeoutMs: number;
  /** Open sockets; more are closed at once. Each costs two descriptors at worst (socket and segment file). */
  readonly connections: number;
  /** Idle time after which a kept-alive connection is closed; longer than the 60 s of common load balancers. */
  readonly keepAliveMs: number;
  /** A body that brings no byte for so long is given up, so that dead clients do not keep half an upload. */
  readonly uploadIdleMs: number;
  /** A client that takes no byte for so long is cut off: it holds pooled memory that other readers wait for. */
  readonly downloadIdleMs: number;
  /**
   * Uploads whose bodies are read at a time; others wait with their bodies unread. Each may hold a slab of pooled memory
   * for as long as its client likes, so it is half of the pool at most.
   */
  readonly uploads: number;
  /** Body bytes taken from the socket ahead of the repository; then the socket is paused. */
  readonly uploadAheadBytes: number;
  /** Batches handed to a socket ahead of its acknowledgement: one on the wire, one waiting. */
  readonly downloadAheadBatches: number;
  /** Downloads at a time; more get 503. A slow one costs a copied batch (1 MiB at most). */
  readonly downloads: number;
  /**
   * Downloads at a time that hand pooled memory to their sockets; others copy. Clients that stop reading can so hold
   * `downloadAheadBatches` × this many slabs, a quarter of the pool, and never what uploads and peers need.
   */
  readonly pooledDownloads: number;
  /** A client that takes longer for a batch is slow: what was read ahead for it goes back to the pool. */
  readonly slowWriteMs: number;
  /** After a refused upload: bytes of the rest of the body that are read, so that the client sees the answer. */
  readonly lingerBytes: number;
  /** After a refused upload: time for the same. */
  readonly lingerMs: number;
  /** Datasets that `POST /data/{cid}/network` fetches at the same time. */
  readonly backgroundFetches: number;
  /** Datasets that wait for their turn; more are refused with 503. */
  readonly backgroundQueue: number;
  /** Datasets that are protected or repaired at a time; they share one memory, and two keep disk and workers busy. */
  readonly codings: number;
  /** Those that wait for their turn; more are refused with 503. */
  readonly codingQueue: number;
  /** The JSON body of a request: a handful of numbers. */
  readonly jsonBytes: number;
  /** Between two lines of progress: enough for the eye. */
  readonly progressMs: number;
  /** Without news a line of progress is repeated, so that nobody in between takes the connection for dead. */
  readonly heartbeatMs: number;
  /** Finding and dialling a peer through `/connect`, or finding it through `/debug/peer`. */
  readonly connectTimeoutMs: number;
  /** Addresses taken from one `/connect`; a peer record has far fewer. */
  readonly connectAddrs: number;
  /** At stop: time for requests that are under way before their connections are cut. */
  readonly stopGraceMs: number;
}

export const API_LIMITS: ApiLimits = {
  headerBytes: 8 * KIB,
  headerTimeoutMs: 10 * SECOND_MS,
  connections: 1024,
  keepAliveMs: 72 * SECOND_MS,
  uploadIdleMs: 60 * SECOND_MS,
  downloadIdleMs: 120 * SECOND_MS,
  uploads: 32,
  uploadAheadBytes: 1024 * KIB,
  downloadAheadBatches: 2,
  downloads: 256,
  pooledDownloads: 8,
  slowWriteMs: 50,
  lingerBytes: 64 * 1024 * KIB,
  lingerMs: 5 * SECOND_MS,
  backgroundFetches: 8,
  backgroundQueue: 1024,
  codings: 2,
  codingQueue: 64,
  jsonBytes: 16 * KIB,
  progressMs: 250,
  heartbeatMs: 10 * SECOND_MS,
  connectTimeoutMs: 15 * SECOND_MS,
  connectAddrs: 32,
  stopGraceMs: SECOND_MS,
};
