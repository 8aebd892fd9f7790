export type StoredEntry = readonly [key: Uint8Array, value: Uint8Array];
/** undefined deletes. */
export type StoredChange = readonly [key: Uint8Array, value: Uint8Array | undefined];

/** What a node of the DHT keeps over restarts: provider records and good nodes. A plain ordered map of bytes. */
export interface DiscoveryStorage {
  /** All entries in the order of their keys, in pages. An implementation that reads a disk lets others run between them. */
  entries(): AsyncIterable<readonly StoredEntry[]>;
  /** All or nothing. Resolves when the changes are durable. Keys and values are copied before it returns. */
  write(changes: readonly StoredChange[]): Promise<void>;
  /** Waits for writes under way. Harmless when called again. */
  close(): Promise<void>;
}
