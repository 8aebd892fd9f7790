/** What a decoder gets: `undefined` marks a lost shard. */
export interface DecodeInput {
  /** K shards. */
  readonly data: readonly (Uint8Array | undefined)[];
  /** M shards. As many as data shards are lost are enough. */
  readonly parity: readonly (Uint8Array | undefined)[];
  /** Where each lost data shard goes, by its index: a buffer for every one of them and for no other. */
  readonly restored: ReadonlyMap<number, Uint8Array>;
}

/** Rows of a code: 0 … K−1 are data, K … K+M−1 parity. */
export interface RebuildInput {
  /** K + M shards, `undefined` where there is none; the first K that are there are used. */
  readonly rows: readonly (Uint8Array | undefined)[];
  /** Where rows that are not there go. */
  readonly wanted: ReadonlyMap<number, Uint8Array>;
}

/**
 * A Leopard Reed–Solomon code of K data and M parity shards, all of one size, a multiple of 64 bytes (02 §3). Shards may
 * be views of any memory, shared or not. Inputs are only read; a buffer that is written must overlap no other.
 * Not re-entrant across threads: each thread makes its own.
 */
export interface ErasureCodec {
  readonly data: number;
  readonly parity: number;
  /**
   * Fills the M parity shards from the K data shards.
   * Error: `ERASURE_PARAMETERS_INVALID` when counts or sizes are wrong, or buffers overlap.
   */
  encode(data: readonly Uint8Array[], parity: readonly Uint8Array[]): void;
  /**
   * Fills every lost data shard. Lost parity is not restored: encode again.
   * Errors: `ERASURE_TOO_MANY_LOSSES` when fewer than K shards are there; `ERASURE_PARAMETERS_INVALID` as for `encode`.
   */
  decode(input: DecodeInput): void;
  /** Fills single rows, data or parity, each by itself: for few of them less work than `decode`. Errors: as `decode`. */
  rebuild(input: RebuildInput): void;
}
