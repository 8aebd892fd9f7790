import {
  CODEX_PROVING_ROOT,
  decodeManifest,
  digestOf,
  formatCid,
  IDENTITY,
  isManifestCid,
  makeCid,
  parseCid,
  type Repository,
  type Verification,
} from '@codex/content';
import { type AbortOptions, isCodexError } from '@codex/runtime';
import { type ProofFile, parseChallenge, rootText } from './proof-file.ts';
import type { CircuitSource, KeyIdentity } from './types.ts';

export interface ProofCheckComponents {
  readonly repository: Repository;
  readonly circuits: CircuitSource;
}

/** What was found out about a proof. */
export interface ProofVerdict {
  readonly valid: boolean;
  /** What is wrong with one that is not valid. */
  readonly reason: string | null;
  /** Whether the manifest is here, so that roots could be held against it. */
  readonly manifestChecked: boolean;
  /** The key of this node against which it was checked. */
  readonly zkeyHash: string;
  readonly insecureKey: boolean;
}

/**
 * Checks everything that a proof file says: the key is the one that this node has for so many samples, the signals are those of
 * challenge, root and slot, the roots are those of the manifest if it is here, and the proof verifies.
 * Errors: `PROOF_FILE_INVALID`, `CID_INVALID`, `PROVING_FILES_MISSING`.
 */
export async function checkProof(
  { circuits, repository }: ProofCheckComponents,
  file: ProofFile,
  options: AbortOptions,
): Promise<ProofVerdict> {
  const circuit = await circuits.verifier(file.samples, options);
  const { sha256: zkeyHash, insecure: insecureKey } = circuit.key;
  const verification = await verificationOf(repository, file.manifestCid);
  const verdict = (reason: string | null): ProofVerdict => ({
    ...{ valid: reason === null, reason, manifestChecked: verification !== undefined },
    ...{ zkeyHash, insecureKey },
  });

  const otherKey = keyDifference(file, circuit.key);
  if (otherKey) return verdict(otherKey);
  if (verification === 'other') return verdict('The manifest is not that of a verifiable dataset');
  if (verification && !agrees(file, verification)) return verdict('The roots are not those of the manifest');
  const signals = await expectedSignals(file);
  if (!signals?.every((value, i) => String(value) === file.publicSignals[i])) {
    return verdict('The public signals are not those of challenge, root and slot');
  }
  const isRight = await circuit.verifyJson(file.proof, signals, options);
  return verdict(isRight ? null : 'The proof does not verify');
}

function keyDifference(file: ProofFile, key: KeyIdentity): string | undefined {
  if (file.zkeyHash !== key.sha256) return `It was made with another proving key than this node has: ${key.sha256}`;
  return file.insecureKey === key.insecure ? undefined : 'It is wrong about whether its key is secure';
}

/** Of the manifest, if it is here. */
async function verificationOf(repository: Repository, text: string): Promise<Verification | 'other' | undefined> {
  const cid = parseCid(text);
  if (!isManifestCid(cid)) return 'other';
  const bytes = await repository.getBlock(cid);
  return bytes && (decodeManifest(bytes).protection?.verification ?? 'other');
}

function agrees(file: ProofFile, { verifyRoot, slotRoots }: Verification): boolean {
  const slotRoot = slotRoots[file.slotIndex];
  return rootText(verifyRoot) === file.verifyRoot && slotRoot !== undefined && rootText(slotRoot) === file.slotRoot;
}

/** Undefined when the root is no root of a dataset. */
async function expectedSignals(file: ProofFile): Promise<readonly bigint[] | undefined> {
  const { challengeToElement } = await import('@codex/slots');
  const challenge = parseChallenge(file.challenge);
  const root = provingRoot(file.verifyRoot);
  if (!challenge || root === undefined) return undefined;
  return [challengeToElement(challenge), root, BigInt(file.slotIndex)];
}

/** The element in the CID of a dataset's root; undefined for other CIDs (11 §3.1). */
function provingRoot(text: string): bigint | undefined {
  try {
    const digest = digestOf(parseCid(text));
    if (formatCid(makeCid(CODEX_PROVING_ROOT, IDENTITY, digest)) !== text) return undefined;
    return BigInt(`0x${Buffer.from(digest).reverse().toString('hex') || '0'}`);
  } catch (error) {
    if (isCodexError(error, 'CID_INVALID')) return undefined;
    throw error;
  }
}
