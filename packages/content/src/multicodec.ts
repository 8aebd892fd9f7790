/** Content types of Codex (private range, 01 §2). */
export const CODEX_MANIFEST = 0xcd01;
export const CODEX_BLOCK = 0xcd02;
export const CODEX_ROOT = 0xcd03;
export const CODEX_SLOT_ROOT = 0xcd04;
export const CODEX_PROVING_ROOT = 0xcd05;
export const CODEX_SLOT_CELL = 0xcd06;

/** Multihash codes (01 §2). */
export const IDENTITY = 0x00;
export const SHA2_256 = 0x12;
export const SHA2_512 = 0x13;
export const POSEIDON2_SPONGE = 0xcd10;
export const POSEIDON2_MERKLE = 0xcd11;
export const POSEIDON2_KEYED_COMPRESS = 0xcd12;

export const DAG_PB = 0x70;

/** The content-id codecs that libp2p knows (01 §3), from the public multicodec table. */
const PUBLIC_CODECS = [
  0x55, // raw
  DAG_PB,
  0x71, // dag-cbor
  0x72, // libp2p-key
  0x78, // git-raw
  0x7b, // torrent-info
  0x7c, // torrent-file
  0x90, // eth-block
  0x91, // eth-block-list
  0x92, // eth-tx-trie
  0x93, // eth-tx
  0x94, // eth-tx-receipt-trie
  0x95, // eth-tx-receipt
  0x96, // eth-state-trie
  0x97, // eth-account-snapshot
  0x98, // eth-storage-trie
  0xb0, // bitcoin-block
  0xb1, // bitcoin-tx
  0xc0, // zcash-block
  0xc1, // zcash-tx
  0xd0, // stellar-block
  0xd1, // stellar-tx
  0xe0, // decred-block
  0xe1, // decred-tx
  0xf0, // dash-block
  0xf1, // dash-tx
  0x0129, // dag-json
];

/** Codecs of content ids that are accepted; anything else is an incorrect CID. */
export const CONTENT_CODECS: ReadonlySet<number> = new Set([
  ...PUBLIC_CODECS,
  CODEX_MANIFEST,
  CODEX_BLOCK,
  CODEX_ROOT,
  CODEX_SLOT_ROOT,
  CODEX_PROVING_ROOT,
  CODEX_SLOT_CELL,
]);

/** Accepted multihashes with the exact length of their digest in bytes; identity has any length up to a limit. */
export const DIGEST_LENGTHS: ReadonlyMap<number, number> = new Map([
  [0x11, 20], // sha1
  [SHA2_256, 32],
  [SHA2_512, 64],
  [0x14, 64], // sha3-512
  [0x16, 32], // sha3-256
  [0x1b, 32], // keccak-256
  [0x56, 32], // dbl-sha2-256
  [0xb220, 32], // blake2b-256
  [POSEIDON2_SPONGE, 32],
  [POSEIDON2_MERKLE, 32],
  [POSEIDON2_KEYED_COMPRESS, 32],
]);
