import { CID } from 'multiformats/cid';

/** A content id: codec and multihash (01 §3). */
export type Cid = CID;
export type BlockCid = CID & { readonly __cid: 'block' };
export type ManifestCid = CID & { readonly __cid: 'manifest' };
export type TreeCid = CID & { readonly __cid: 'tree' };
