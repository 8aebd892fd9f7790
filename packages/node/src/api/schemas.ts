import { type TSchema, Type } from 'typebox';
import { PROVING_PHASES } from '../proving/metrics.ts';
import { MARKET_OPERATIONS } from './market-schemas.ts';
import { error, json, type OperationDoc, text } from './operation-doc.ts';

/** The JSON bodies of the API, and the parameters of its routes, for the OpenAPI document and the tests. */

const Cid = Type.String({ description: 'Content id, base58btc' });
const Multiaddr = Type.String({ description: 'Multiaddr, for example /ip4/127.0.0.1/tcp/8070' });
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Size = Type.Integer({ minimum: 0 });

export const ManifestJson = Type.Object(
  {
    treeCid: Cid,
    datasetSize: Type.Integer({ minimum: 0, description: 'Bytes; of a protected dataset with parity and padding' }),
    blockSize: Type.Integer({ minimum: 1, description: 'Bytes' }),
    filename: nullable(Type.String()),
    mimetype: nullable(Type.String()),
    protected: Type.Boolean({ description: 'Erasure coded' }),
    verifiable: Type.Optional(Type.Boolean({ description: 'Present when protected' })),
  },
  { additionalProperties: false },
);

export const DataItem = Type.Object({ cid: Cid, manifest: ManifestJson }, { additionalProperties: false });

export const DataList = Type.Object({ content: Type.Array(DataItem) }, { additionalProperties: false });

export const ProtectInput = Type.Object({
  data: Type.Integer({ minimum: 1, description: 'K: any K of the K + M rows restore the file' }),
  parity: Type.Integer({ minimum: 1, description: 'M: rows that may be lost; at most K' }),
});

export const CodingProgressLine = Type.Object(
  { phase: Type.Union([Type.Literal('restore'), Type.Literal('encode')]), doneBytes: Size, totalBytes: Size },
  {
    additionalProperties: false,
    description: 'With Accept: application/x-ndjson, lines of this come before the answer',
  },
);

export const SlotsProgressLine = Type.Object(
  { phase: Type.Literal('slots'), doneBytes: Size, totalBytes: Size },
  { additionalProperties: false, description: 'As CodingProgressLine' },
);

const Root = Type.String({ description: 'CID of a root' });
const Challenge = Type.String({ pattern: '^(0x)?[0-9a-fA-F]{64}$' });
const Decimal = Type.String({ pattern: '^[0-9]+$' });
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const SlotIndex = Type.Integer({ minimum: 0, maximum: 255 });

export const BuiltSlots = Type.Object(
  {
    cid: Cid,
    manifest: ManifestJson,
    verifyRoot: Root,
    slotRoots: Type.Array(Root),
    slotBytes: Type.Integer({ minimum: 1, description: 'With padding: the size of a slot in a request for storage' }),
  },
  { additionalProperties: false, description: 'The CID is that of the verifiable manifest' },
);

export const ProveInput = Type.Object({
  challenge: Challenge,
  samples: Type.Optional(Type.Integer({ minimum: 1, description: 'Default: proof-samples of the node' })),
  inputOnly: Type.Optional(Type.Boolean({ description: 'Answer with the inputs of the circuit' })),
});

export const ProvingProgressLine = Type.Object(
  {
    phase: Type.Union(['waiting', ...PROVING_PHASES].map((phase) => Type.Literal(phase))),
    fraction: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  },
  { additionalProperties: false, description: 'As CodingProgressLine' },
);

export const ProofFile = Type.Object(
  {
    manifestCid: Cid,
    slotIndex: SlotIndex,
    slotRoot: Root,
    verifyRoot: Root,
    challenge: Challenge,
    samples: Type.Integer({ minimum: 1 }),
    zkeyHash: Sha256,
    insecureKey: Type.Boolean({ description: 'Made with a development key, so it proves nothing to strangers' }),
    proof: Type.Object({}, { description: 'As snarkjs writes it' }),
    publicSignals: Type.Array(Decimal, { description: 'Entropy, root of the dataset, slot' }),
  },
  { additionalProperties: false },
);

export const ProofVerdict = Type.Object(
  {
    valid: Type.Boolean(),
    reason: nullable(Type.String({ description: 'What is wrong' })),
    manifestChecked: Type.Boolean({ description: 'The manifest is here, so roots were held against it' }),
    zkeyHash: Sha256,
    insecureKey: Type.Boolean(),
  },
  { additionalProperties: false },
);

export const Space = Type.Object(
  { totalBlocks: Size, quotaMaxBytes: Size, quotaUsedBytes: Size, quotaReservedBytes: Size },
  { additionalProperties: false },
);

export const Exists = Type.Record(Type.String(), Type.Boolean(), {
  description: 'One key, the CID; with ?shape=has a second one, has',
});

export const Spr = Type.Object({ spr: Type.String({ pattern: '^spr:' }) }, { additionalProperties: false });

export const PeerId = Type.Object({ id: Type.String() }, { additionalProperties: false });

const RoutingNode = Type.Object(
  {
    nodeId: Type.String({ description: 'Hex' }),
    peerId: Type.String(),
    record: Type.String({ description: 'Text dump of the signed peer record' }),
    address: nullable(Type.String({ description: 'ip:port' })),
    seen: Type.Boolean(),
  },
  { additionalProperties: false },
);

export const DebugInfo = Type.Object(
  {
    id: Type.String(),
    addrs: Type.Array(Multiaddr),
    repo: Type.String({ description: 'Data directory' }),
    spr: Type.String(),
    announceAddresses: Type.Array(Multiaddr),
    table: Type.Object({ localNode: RoutingNode, nodes: Type.Array(RoutingNode) }, { additionalProperties: false }),
    codex: Type.Object(
      { version: Type.String(), revision: Type.String(), contracts: Type.String() },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

export const PeerRecord = Type.Object(
  { peerId: Type.String(), seqNo: Size, addresses: Type.Array(Multiaddr) },
  { additionalProperties: false },
);

const Binary = Type.String({ format: 'binary' });
const BAD_CID = error('The CID cannot be parsed');
const NOT_FOUND = error('Not here, or no manifest');
const CONTRADICTION = error('The manifest contradicts the dataset that it names');
const LATE = error('Nobody delivered it in time');
const Timeout = Type.Object({
  timeout: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'Seconds; lowers the time of the server' })),
});
const Conditions = Type.Object({
  Range: Type.Optional(Type.String({ description: 'One range of bytes' })),
  'If-Range': Type.Optional(Type.String()),
  'If-Match': Type.Optional(Type.String()),
  'If-None-Match': Type.Optional(Type.String()),
});
const FILE_ANSWERS = {
  200: { description: 'The file', type: 'application/octet-stream', schema: Binary },
  206: { description: 'The asked range of it', type: 'application/octet-stream', schema: Binary },
  304: { description: 'The client has it' },
  400: BAD_CID,
  404: NOT_FOUND,
  412: error('The CID names other bytes'),
  416: error('The range is not satisfiable'),
  503: error('Too many downloads are under way'),
};
/** By operation id, as the routes name them. */
export const OPERATIONS: Readonly<Record<string, OperationDoc>> = {
  upload: {
    summary: 'Stores the body as a file',
    tag: 'Data',
    headers: Type.Object({
      'Content-Disposition': Type.Optional(Type.String({ description: 'attachment; filename="…"' })),
    }),
    body: 'application/octet-stream',
    answers: {
      200: text('CID of the manifest'),
      408: error('The body stalled'),
      422: error('The MIME type or the filename is not valid, or there is no body'),
      507: error('The quota or the disk is exhausted'),
    },
  },
  listData: { summary: 'All local manifests', tag: 'Data', answers: { 200: json('The list', DataList) } },
  downloadLocal: {
    summary: 'A file or a block that is here; HEAD works, too',
    tag: 'Data',
    headers: Conditions,
    answers: FILE_ANSWERS,
  },
  deleteLocal: {
    summary: 'Deletes a block, or a file with all blocks that nothing else needs',
    tag: 'Data',
    answers: { 204: { description: 'It is not here (any more)' }, 400: BAD_CID, 409: error('A block of a file') },
  },
  hasBlock: {
    summary: 'Whether a block or manifest is here',
    tag: 'Data',
    query: Type.Object({ shape: Type.Optional(Type.Literal('has')) }),
    answers: { 200: json('Whether it is', Exists), 400: BAD_CID },
  },
  downloadNetwork: {
    summary: 'Fetches a file from the network in the background',
    tag: 'Data',
    query: Timeout,
    answers: {
      200: json('What is being fetched', DataItem),
      400: BAD_CID,
      404: NOT_FOUND,
      422: CONTRADICTION,
      503: error('Too many fetches are waiting'),
      504: LATE,
    },
  },
  downloadNetworkStream: {
    summary: 'A file, fetched from the network as far as it is not here; HEAD works, too',
    tag: 'Data',
    query: Timeout,
    headers: Conditions,
    answers: { ...FILE_ANSWERS, 422: CONTRADICTION, 504: LATE },
  },
  downloadNetworkManifest: {
    summary: 'Fetches a manifest only',
    tag: 'Data',
    query: Timeout,
    answers: { 200: json('The manifest', DataItem), 400: BAD_CID, 404: NOT_FOUND, 504: LATE },
  },
  protect: {
    summary: 'Spreads a file over K data and M parity rows; lines of progress for Accept: application/x-ndjson',
    tag: 'Data',
    body: 'application/json',
    bodySchema: ProtectInput,
    answers: {
      200: json('The protected dataset', DataItem),
      400: error('The CID or the body cannot be parsed'),
      404: NOT_FOUND,
      409: error('Not complete here, or somebody is protecting it with other names'),
      413: error('The body is too long'),
      422: error('Protected already, too small, or no code has these numbers of rows'),
      503: error('Too much of it at a time'),
      507: error('The quota or the disk is exhausted'),
    },
  },
  repair: {
    summary: 'Makes a protected file whole here; lines of progress for Accept: application/x-ndjson',
    tag: 'Data',
    query: Timeout,
    answers: {
      200: json('The dataset', DataItem),
      400: BAD_CID,
      404: error('No manifest, or too many rows are lost'),
      409: error('It is being repaired already'),
      422: error('Not protected, or the dataset contradicts itself'),
      503: error('Too much of it at a time'),
      504: LATE,
      507: error('The quota or the disk is exhausted'),
    },
  },
  buildSlots: {
    summary: 'Makes a protected dataset verifiable; lines of progress for Accept: application/x-ndjson',
    tag: 'Data',
    answers: {
      200: json('The verifiable dataset and its slots', BuiltSlots),
      400: BAD_CID,
      404: error('Not complete here, or no manifest'),
      422: error('Not protected, or it cannot be cut into slots'),
      503: error('Too much of it at a time'),
      507: error('The quota or the disk is exhausted'),
    },
  },
  prove: {
    summary: 'Proves that a slot is here; lines of progress for Accept: application/x-ndjson',
    tag: 'Data',
    query: Timeout,
    body: 'application/json',
    bodySchema: ProveInput,
    answers: {
      200: json('The proof and what it is about, or the inputs of the circuit', ProofFile),
      400: error('The CID, the slot or the body cannot be parsed'),
      404: error('No manifest, or the slot is not complete here'),
      409: error('A cell is damaged'),
      413: error('The body is too long'),
      422: error('The dataset has no slots, or not this one, or no circuit has so many samples'),
      503: error('No circuit or proving key for so many samples, too little memory, or too many proofs wait'),
      504: error('It was not made in time'),
    },
  },
  verifyProof: {
    summary: 'Checks a proof against the proving key of this node',
    tag: 'Data',
    body: 'application/json',
    bodySchema: ProofFile,
    answers: {
      200: json('Whether it is right', ProofVerdict),
      400: error('The body is no proof file'),
      413: error('The body is too long'),
      503: error('No proving key for so many samples'),
    },
  },
  space: { summary: 'Quota and its use', tag: 'Data', answers: { 200: json('Bytes and blocks', Space) } },
  spr: {
    summary: 'Signed peer record; bare text for Accept: text/plain',
    tag: 'Node',
    answers: { 200: json('The record', Spr), 503: error('Not available yet') },
  },
  peerId: {
    summary: 'Peer id; bare text for Accept: text/plain',
    tag: 'Node',
    answers: { 200: json('The peer id', PeerId) },
  },
  nodePeerId: { summary: 'The same as /peerid', tag: 'Node', answers: { 200: json('The peer id', PeerId) } },
  connect: {
    summary: 'Connects a peer; without addresses, one that the DHT knows',
    tag: 'Node',
    query: Type.Object({ addrs: Type.Optional(Type.Array(Multiaddr)) }),
    answers: {
      200: text('Connected'),
      400: error('The peer id or an address is wrong, nobody knows the peer, or nobody answers there'),
    },
  },
  debugInfo: { summary: 'What this node is', tag: 'Debug', answers: { 200: json('The node', DebugInfo) } },
  debugPeer: {
    summary: 'The newest record that the DHT has of a peer',
    tag: 'Debug',
    answers: { 200: json('The record', PeerRecord), 400: error('Nobody knows the peer'), 404: error('No DHT') },
  },
  setLogLevel: {
    summary: 'Changes what is logged',
    tag: 'Debug',
    query: Type.Object({ level: Type.String({ description: '<level>[;<level>:topic,topic…]…' }) }),
    answers: { 200: text('Empty'), 400: error('Missing log level'), 500: error('The levels that there are') },
  },
  ...MARKET_OPERATIONS,
};
