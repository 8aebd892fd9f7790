const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes of a block of every upload (01 §1). */
export const DEFAULT_BLOCK_SIZE = 64 * KiB;

/** Bytes of a SHA-256 digest: of a leaf, a node, a root. */
export const DIGEST_BYTES = 32;

/**
 * The largest block that a manifest may ask for. Every uploader uses 64 KiB; a block must fit one slab of pooled memory
 * (1 MiB), because it is hashed and written as a whole.
 */
export const MAX_BLOCK_SIZE_BYTES = 1 * MiB;

/**
 * Leaves of one tree: 64 TiB in default blocks. Keeps indices and the doubled indices of tree arithmetic inside 32-bit
 * integers, and the depth of a proof at 30.
 */
export const MAX_LEAF_COUNT = 2 ** 30;

/** Nodes of a proof's path. A dataset tree has at most 30; slot trees reuse the message and have at most 32 + 1 (01 §6). */
export const MAX_PROOF_PATH = 40;

/** An encoded proof: 36 bytes for each node of the path, and room for unknown fields of later versions. */
export const MAX_PROOF_BYTES = 4 * KiB;

/** An encoded tree. They never travel (01 §6); 30 000 nodes are rebuilt in some 15 ms. */
export const MAX_TREE_BYTES = 1 * MiB;

/** A manifest is a block: a verifiable one of 256 slots, the most that the marketplace has (18 §14), takes 11 KiB. */
export const MAX_MANIFEST_BYTES = 64 * KiB;

/** No file system takes longer paths, and the name is echoed in an HTTP header. */
export const MAX_FILENAME_BYTES = 4 * KiB;

/** Type and subtype have at most 127 characters each (RFC 6838); the rest is for parameters. */
export const MAX_MIMETYPE_BYTES = 1 * KiB;

/** Rows (data and parity) of one erasure code word: the field of Leopard has 2^16 elements (02 §1). */
export const MAX_ERASURE_ROWS = 2 ** 16;

/** Bytes of the digest in a content id: identity multihashes carry their input, which must stay short. */
export const MAX_CID_DIGEST_BYTES = 128;

/** Characters of a content id: the longest binary form, in base 16 with its prefix, with room. */
export const MAX_CID_TEXT_CHARS = 512;
