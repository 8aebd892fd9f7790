import { readFile, stat, writeFile } from 'node:fs/promises';
import type { Context } from './context.ts';
import { CliError } from './errors.ts';
import { formatBytes } from './format.ts';
import { type Coded, codeDataset, workInNode } from './long-work.ts';
import { pairs, writeAll } from './output.ts';
import { OutputFile, unwritable } from './output-file.ts';
import { dataPath } from './verbs.ts';

/** What the node says of a dataset that was cut into slots (docs/api.md). */
interface SlotsJson extends Coded {
  readonly verifyRoot: string;
  readonly slotRoots: readonly string[];
  readonly slotBytes: number;
}

export interface ProveOptions {
  readonly slot: number;
  /** 32 bytes, hex. */
  readonly challenge: string;
  /** Default: those of the node. */
  readonly samples?: number;
  readonly inputOnly?: boolean;
  /** Seconds. */
  readonly timeout?: number;
  /** A file, or `-`. */
  readonly out: string;
  readonly force?: boolean;
}

interface VerdictJson {
  readonly valid?: boolean;
  readonly reason?: string | null;
  readonly insecureKey?: boolean;
  readonly manifestChecked?: boolean;
}

/** A proof has 2 KB. */
const PROOF_FILE_MAX_BYTES = 16 * 1024;
const STANDARD_OUTPUT = 1;

export async function slots(context: Context, cid: string): Promise<void> {
  const made = await codeDataset<SlotsJson>(context, `${dataPath(cid)}/slots`);
  context.output.result(made, () =>
    pairs({
      cid: made.cid,
      'verify root': made.verifyRoot,
      'slot size': `${formatBytes(made.slotBytes)} (${made.slotBytes} bytes)`,
      ...Object.fromEntries(made.slotRoots.map((root, i) => [`slot ${i}`, root])),
    }),
  );
}

/** Writes a proof, or the inputs of the circuit. Errors: FILE_EXISTS before anything is asked, and those of `workInNode`. */
export async function prove(context: Context, cid: string, options: ProveOptions): Promise<void> {
  const { slot, challenge, samples, inputOnly, timeout, out } = options;
  const file = new OutputFile(out, { cid: `${cid}-${slot}`, force: options.force === true });
  if (out !== '-') await file.check();
  const query = timeout === undefined ? '' : `?timeout=${timeout}`;
  const body = { challenge, ...(samples !== undefined && { samples }), ...(inputOnly && { inputOnly }) };
  const made = await workInNode(context, `${dataPath(cid)}/slots/${slot}/prove${query}`, body);
  const text = `${JSON.stringify(made, undefined, inputOnly ? undefined : 2)}\n`;
  if (out === '-') return writeAll(STANDARD_OUTPUT, text);
  await writeFile(file.partPath, text).catch((error: unknown) => {
    throw unwritable(out, error);
  });
  await file.finish();
  context.output.result(inputOnly ? { file: out } : { file: out, ...made }, () => [out]);
}

/** Prints whether a proof is right, and tells it by the exit code as well. Error: PROOF_REJECTED. */
export async function verify(context: Context, path: string): Promise<void> {
  const text = await readProof(path);
  const verdict = (await context.api.send('POST', '/proofs/verify', text)) as VerdictJson;
  if (typeof verdict.valid !== 'boolean') {
    throw new CliError('ANSWER_INVALID', `${context.api.origin} does not answer like a Codex node`);
  }
  const notes = [
    ...(verdict.insecureKey ? ['made with a development key: whoever made that key can forge proofs'] : []),
    ...(verdict.manifestChecked ? [] : ['the node does not have the manifest, so its roots were not compared']),
  ];
  context.output.result({ file: path, ...verdict }, () => (verdict.valid ? ['valid', ...notes] : ['not valid']));
  if (!verdict.valid) {
    const reason = verdict.reason ?? 'It is wrong';
    throw new CliError('PROOF_REJECTED', `${path}: ${reason}`, { file: path, reason });
  }
}

async function readProof(path: string): Promise<string> {
  try {
    if ((await stat(path)).size <= PROOF_FILE_MAX_BYTES) return await readFile(path, 'utf8');
  } catch (cause) {
    const message = `${path} cannot be read: ${(cause as Error).message}`;
    throw new CliError('FILE_UNREADABLE', message, { file: path }, { cause });
  }
  throw new CliError('FILE_UNREADABLE', `${path} is too long for a proof`, { file: path });
}
