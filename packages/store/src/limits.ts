/** Default quota of a node: 20 GiB (03 §3). */
export const DEFAULT_QUOTA_BYTES = 20 * 1024 ** 3;

/** Default life of blocks and datasets: 30 days (03 §5). */
export const DEFAULT_BLOCK_TTL_MS = 30 * 24 * 60 * 60 * 1000;

/** Unfinished assemblies that nobody touched for this long are dropped: a weekend's outage does not lose a long repair. */
export const ASSEMBLY_TTL_MS = 3 * 24 * 60 * 60 * 1000;

/** Unfinished assemblies at most: each is an operation that somebody began. Beyond them the longest untouched one goes. */
export const ASSEMBLIES_MAX = 256;

/** Pause between maintenance runs: 10 minutes (03 §6). */
export const DEFAULT_MAINTENANCE_INTERVAL_MS = 10 * 60 * 1000;

/** Datasets and blocks that one maintenance run deletes at most (03 §6). */
export const DEFAULT_MAINTENANCE_BATCH = 1000;
