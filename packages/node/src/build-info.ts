import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What `--version` and `/debug/info` tell of the program (06 §3). */
export interface BuildInfo {
  readonly version: string;
  /** Short commit hash, or `unknown` outside a git checkout. */
  readonly revision: string;
  /** Short commit hash of the contracts: part of the same repository, so the same; `none` before they exist. */
  readonly contracts: string;
}

const PACKAGE_DIR = join(import.meta.dirname, '..');
const REPOSITORY_DIR = join(PACKAGE_DIR, '..', '..');
const HASH_LENGTH = 8;

/** Reads version and revision from the files beside the program; never fails, and starts no other program. */
export async function readBuildInfo(): Promise<BuildInfo> {
  const [version, revision] = await Promise.all([readVersion().catch(() => ''), readRevision().catch(() => '')]);
  return { version: version ? `v${version}` : 'untagged build', revision: revision || 'unknown', contracts: 'none' };
}

async function readVersion(): Promise<string> {
  const manifest: { version?: string } = JSON.parse(await readFile(join(PACKAGE_DIR, 'package.json'), 'utf8'));
  return manifest.version ?? '';
}

async function readRevision(): Promise<string> {
  const git = join(REPOSITORY_DIR, '.git');
  const head = (await readFile(join(git, 'HEAD'), 'utf8')).trim();
  const ref = head.startsWith('ref: ') ? head.slice('ref: '.length) : undefined;
  const hash = ref === undefined ? head : await readRef(git, ref);
  return /^[0-9a-f]{40}/.test(hash) ? hash.slice(0, HASH_LENGTH) : '';
}

async function readRef(git: string, ref: string): Promise<string> {
  try {
    return (await readFile(join(git, ref), 'utf8')).trim();
  } catch {
    const packed = await readFile(join(git, 'packed-refs'), 'utf8');
    return packed.split('\n').find((line) => line.endsWith(` ${ref}`)) ?? '';
  }
}

/** The four lines of `codex --version`, as the reference prints them (06 §5). */
export function versionText(info: BuildInfo): string {
  return [
    `Codex version:  ${info.version}`,
    `Codex revision: ${info.revision}`,
    `Codex contracts revision: ${info.contracts}`,
    `Node.js ${process.version} (${process.platform} ${process.arch})`,
  ].join('\n');
}
