export type { BlockCid, Cid, ManifestCid, TreeCid } from './cid.ts';
export type * from './dataset.ts';
export type { Manifest, Protection, Verification } from './manifest.ts';
export type { NodeRun, ProvedRange } from './range-proof.ts';
