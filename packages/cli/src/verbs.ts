import type { Context } from './context.ts';
import { type DownloadOptions, downloadFile } from './download.ts';
import { CliError } from './errors.ts';
import { formatBytes, printable, table } from './format.ts';
import { codeDataset } from './long-work.ts';
import { pairs } from './output.ts';
import { peerTarget } from './peer-address.ts';
import { type UploadOptions, uploadFile } from './upload.ts';

/** A manifest as the REST API shows it (06 §2). */
export interface ManifestJson {
  readonly treeCid?: string;
  readonly datasetSize?: number;
  readonly blockSize?: number;
  readonly protected?: boolean;
  readonly filename?: string | null;
  readonly mimetype?: string | null;
}

interface ContentJson {
  readonly cid: string;
  readonly manifest: ManifestJson;
}

/** A line of the routing table (06 §3). */
interface NodeJson {
  readonly peerId: string;
  readonly address?: string | null;
  readonly seen?: boolean;
}

const rate = (bytes: number, seconds: number) => `${formatBytes(bytes / Math.max(seconds, 0.001))}/s`;
export const dataPath = (cid: string) => `/data/${encodeURIComponent(cid)}`;

export async function upload(context: Context, files: readonly string[], options: UploadOptions): Promise<void> {
  if (options.name !== undefined && files.length > 1) {
    throw new CliError('USAGE', '--name goes with one file only');
  }
  for (const file of files) {
    const done = await uploadFile(context, file, options);
    context.output.result(done, () => [files.length > 1 ? `${done.cid}  ${file}` : done.cid]);
    if (!context.quiet && process.stderr.isTTY) {
      process.stderr.write(`${file}: ${formatBytes(done.bytes)}, ${rate(done.bytes, done.seconds)}\n`);
    }
  }
}

export async function download(context: Context, cid: string, options: DownloadOptions): Promise<void> {
  const done = await downloadFile(context, cid, options);
  if (done.file === '-') return;
  context.output.result(done, () => [done.file]);
  if (!context.quiet && process.stderr.isTTY) {
    process.stderr.write(
      `${formatBytes(done.bytes - done.resumed)}, ${rate(done.bytes - done.resumed, done.seconds)}\n`,
    );
  }
}

export async function list(context: Context): Promise<void> {
  const answer = (await context.api.json('GET', '/data')) as { content?: ContentJson[] };
  const content = answer.content ?? [];
  context.output.result(answer, () => {
    if (content.length === 0) return [];
    return table([
      ['CID', 'SIZE', 'TYPE', 'NAME'],
      ...content.map(({ cid, manifest }) => [
        cid,
        formatBytes(manifest.datasetSize ?? 0),
        printable(manifest.mimetype ?? '-'),
        printable(manifest.filename ?? '-'),
      ]),
    ]);
  });
}

export async function remove(context: Context, cids: readonly string[]): Promise<void> {
  for (const cid of cids) {
    await context.api.text('DELETE', dataPath(cid));
    context.output.result({ cid, removed: true }, () => [cid]);
  }
}

/** Prints whether the node holds the block, and tells it by the exit code as well. Error: NOT_FOUND. */
export async function exists(context: Context, cid: string): Promise<void> {
  const answer = (await context.api.json('GET', `${dataPath(cid)}/exists`)) as Record<string, boolean>;
  const held = answer[cid] ?? answer.has ?? false;
  context.output.result({ cid, exists: held }, () => [String(held)]);
  if (!held) throw new CliError('NOT_FOUND', `The node does not hold ${cid}`, { cid });
}

export async function fetchDataset(context: Context, cid: string): Promise<void> {
  const answer = (await context.api.json('POST', `${dataPath(cid)}/network`)) as ContentJson;
  context.output.result(answer, () => [
    `${cid}: fetching ${formatBytes(answer.manifest?.datasetSize ?? 0)} in the background`,
  ]);
}

export interface ProtectOptions {
  /** K: any K of the K + M rows restore the file. */
  readonly data: number;
  /** M: rows that may be lost. */
  readonly parity: number;
}

export async function protect(context: Context, cid: string, options: ProtectOptions): Promise<void> {
  const { data, parity } = options;
  const made = await codeDataset(context, `${dataPath(cid)}/protect`, { data, parity });
  context.output.result(made, () => [made.cid]);
}

export async function repair(context: Context, cid: string): Promise<void> {
  const repaired = await codeDataset(context, `${dataPath(cid)}/repair`);
  context.output.result(repaired, () => [repaired.cid]);
}

export async function info(context: Context, cid: string | undefined): Promise<void> {
  if (cid !== undefined) return datasetInfo(context, cid);
  const answer = (await context.api.json('GET', '/debug/info')) as {
    id?: string;
    addrs?: string[];
    repo?: string;
    spr?: string;
    announceAddresses?: string[];
    table?: { nodes?: NodeJson[] };
    codex?: { version?: string; revision?: string };
  };
  context.output.result(answer, () =>
    pairs({
      peer: answer.id ?? '',
      version: `${answer.codex?.version ?? ''} (${answer.codex?.revision ?? ''})`,
      directory: answer.repo ?? '',
      listening: (answer.addrs ?? []).join(' '),
      announced: (answer.announceAddresses ?? []).join(' '),
      'nodes known': String(answer.table?.nodes?.length ?? 0),
      record: answer.spr ?? '',
    }),
  );
}

async function datasetInfo(context: Context, cid: string): Promise<void> {
  const answer = (await context.api.json('GET', `${dataPath(cid)}/network/manifest`)) as ContentJson;
  const { manifest } = answer;
  context.output.result(answer, () =>
    pairs({
      cid,
      tree: manifest.treeCid ?? '',
      size: `${formatBytes(manifest.datasetSize ?? 0)} (${manifest.datasetSize ?? 0} bytes)`,
      'block size': formatBytes(manifest.blockSize ?? 0),
      type: printable(manifest.mimetype ?? '-'),
      name: printable(manifest.filename ?? '-'),
      protected: manifest.protected ? 'yes' : 'no',
    }),
  );
}

export async function space(context: Context): Promise<void> {
  const answer = (await context.api.json('GET', '/space')) as Record<string, number>;
  const [max = 0, used = 0, reserved = 0] = [answer.quotaMaxBytes, answer.quotaUsedBytes, answer.quotaReservedBytes];
  context.output.result(answer, () =>
    pairs({
      blocks: String(answer.totalBlocks ?? 0),
      quota: formatBytes(max),
      used: formatBytes(used),
      reserved: formatBytes(reserved),
      free: formatBytes(Math.max(0, max - used - reserved)),
    }),
  );
}

export async function connect(context: Context, peer: string, addresses: readonly string[]): Promise<void> {
  const target = peerTarget(peer, addresses);
  const query = target.addresses.map((address) => `addrs=${encodeURIComponent(address)}`).join('&');
  const text = await context.api.text('GET', `/connect/${encodeURIComponent(target.peer)}${query ? `?${query}` : ''}`);
  context.output.result({ peer: target.peer, connected: true }, () => [text.trim()]);
}

/** Prints the record of the node: what others give as `--bootstrap-node` to join through it. */
export async function spr(context: Context): Promise<void> {
  const answer = (await context.api.json('GET', '/spr')) as { spr?: string };
  context.output.result(answer, () => [answer.spr ?? '']);
}

/** Lists the nodes of the DHT that the node keeps: not those that it exchanges blocks with. */
export async function peers(context: Context): Promise<void> {
  const answer = (await context.api.json('GET', '/debug/info')) as { table?: { nodes?: NodeJson[] } };
  const nodes = answer.table?.nodes ?? [];
  context.output.result(nodes, () => {
    if (nodes.length === 0) return [];
    const rows = nodes.map(({ peerId, address, seen }) => [printable(peerId), address ?? '-', seen ? 'yes' : 'no']);
    return table([['PEER', 'UDP', 'SEEN'], ...rows]);
  });
}

export async function setLogLevel(context: Context, level: string): Promise<void> {
  await context.api.text('POST', `/debug/chronicles/loglevel?level=${encodeURIComponent(level)}`);
  context.output.result({ level }, () => []);
}
