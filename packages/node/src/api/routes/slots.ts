import { parseCid } from '@codex/content';
import { parseChallenge, parseProofFile, rootText, type StorageProofs } from '../../proving/index.ts';
import { SLOTS_MAX } from '../../proving/limits.ts';
import type { Call, Route } from '../call.ts';
import type { ApiContext } from '../context.ts';
import { requestTimeoutMs } from '../deadline.ts';
import { readCount, readJson } from '../json-body.ts';
import { manifestEntry } from '../list-data.ts';
import { answerWithProgress } from '../progress-lines.ts';
import { HttpError, respondJson } from '../respond.ts';
import { localManifest } from './protection.ts';

/** Storage proofs: routes of our own, in the manner of 06 §2. */
export function slotRoutes(context: ApiContext): Route[] {
  return [
    { method: 'POST', path: '/data/:cid/slots', doc: 'buildSlots', handle: (call) => build(context, call) },
    { method: 'POST', path: '/data/:cid/slots/:index/prove', doc: 'prove', handle: (call) => prove(context, call) },
    { method: 'POST', path: '/proofs/verify', doc: 'verifyProof', handle: (call) => verify(context, call) },
  ];
}

function enabled({ proofs }: ApiContext): StorageProofs {
  if (!proofs) throw new HttpError(503, 'Storage proofs are not enabled');
  return proofs;
}

/** Work ends with the last client that waits for it; asked for again, it goes on. */
async function build(context: ApiContext, call: Call): Promise<void> {
  const proofs = enabled(context);
  const dataset = await localManifest(context, parseCid(call.params.cid ?? ''));
  await answerWithProgress(context, call, async (onProgress) => {
    const built = await proofs.build(dataset, { signal: call.signal, onProgress });
    const { verifyRoot, slotRoots } = built.manifest.protection!.verification!;
    return {
      ...manifestEntry(built.manifestCid, built.manifest),
      ...{ verifyRoot: rootText(verifyRoot), slotRoots: slotRoots.map(rootText), slotBytes: built.slotBytes },
    };
  });
}

async function prove(context: ApiContext, call: Call): Promise<void> {
  const proofs = enabled(context);
  const cid = parseCid(call.params.cid ?? '');
  const slotIndex = readIndex(call.params.index ?? '');
  const timeoutMs = requestTimeoutMs(call.query, Number.POSITIVE_INFINITY);
  const body = await readJson(context, call);
  const challenge = parseChallenge(body.challenge);
  if (!challenge) throw new HttpError(400, 'challenge must be 32 bytes as hex');
  const { inputOnly = false } = body;
  if (typeof inputOnly !== 'boolean') throw new HttpError(400, 'inputOnly must be true or false');
  const samples = body.samples === undefined ? undefined : readCount(body, 'samples');
  const question = { ...(await localManifest(context, cid)), slotIndex, challenge, samples };
  const deadline = context.clock.now() + timeoutMs;
  await answerWithProgress(context, call, async (onProgress) => {
    const options = { signal: call.signal, deadline, onProgress };
    return inputOnly ? proofs.input(question, options) : proofs.prove(question, options);
  });
}

function readIndex(text: string): number {
  const index = Number(text);
  if (!/^\d{1,3}$/.test(text) || index >= SLOTS_MAX) throw new HttpError(400, 'The slot must be a number below 256');
  return index;
}

async function verify(context: ApiContext, call: Call): Promise<void> {
  const proofs = enabled(context);
  const file = parseProofFile(await readJson(context, call));
  respondJson(call.res, await proofs.check(file, { signal: call.signal }));
}
