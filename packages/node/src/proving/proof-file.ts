import { decodeCid, formatCid } from '@codex/content';
import { NodeError } from '../errors.ts';
import { SAMPLES_MAX, SLOTS_MAX } from './limits.ts';

/** A proof and what it is about, as `codex prove` writes it. The proof and the signals are as snarkjs has them. */
export interface ProofFile {
  /** CID of the verifiable manifest. */
  readonly manifestCid: string;
  readonly slotIndex: number;
  /** CIDs of the roots (11 §3.1). */
  readonly slotRoot: string;
  readonly verifyRoot: string;
  /** `0x` and 64 hex digits. */
  readonly challenge: string;
  readonly samples: number;
  /** SHA-256 of the proving key. */
  readonly zkeyHash: string;
  /** The proof says nothing to strangers: it was made with a development key. */
  readonly insecureKey: boolean;
  readonly proof: object;
  /** Decimal. */
  readonly publicSignals: readonly string[];
}

function invalid(what: string): NodeError {
  return new NodeError('PROOF_FILE_INVALID', `This is no proof file: ${what}`);
}

/** Reads what somebody sent. Error: `PROOF_FILE_INVALID`, with what is wrong. The proof itself is read later. */
export function parseProofFile(value: Readonly<Record<string, unknown>>): ProofFile {
  const text = (key: string, pattern: RegExp, what: string) => {
    const given = value[key];
    if (typeof given !== 'string' || !pattern.test(given)) throw invalid(`${key} must be ${what}`);
    return given;
  };
  const whole = (key: string, least: number, most: number) => {
    const given = value[key];
    if (typeof given !== 'number' || !Number.isInteger(given) || given < least || given > most) {
      throw invalid(`${key} must be a whole number from ${least} to ${most}`);
    }
    return given;
  };
  const { insecureKey, proof, publicSignals } = value;
  if (typeof insecureKey !== 'boolean') throw invalid('insecureKey must be true or false');
  if (typeof proof !== 'object' || proof === null) throw invalid('proof must be an object');
  if (!Array.isArray(publicSignals) || publicSignals.length !== 3 || !publicSignals.every(isDecimal)) {
    throw invalid('publicSignals must be three decimal numbers, as texts');
  }
  return {
    manifestCid: text('manifestCid', CID, 'a CID'),
    slotIndex: whole('slotIndex', 0, SLOTS_MAX - 1),
    slotRoot: text('slotRoot', CID, 'a CID'),
    verifyRoot: text('verifyRoot', CID, 'a CID'),
    challenge: text('challenge', /^0x[0-9a-f]{64}$/, '0x and 64 hex digits'),
    samples: whole('samples', 1, SAMPLES_MAX),
    zkeyHash: text('zkeyHash', /^[0-9a-f]{64}$/, '64 hex digits'),
    insecureKey,
    proof,
    publicSignals,
  };
}

/** Longer than any CID of ours. */
const CID = /^\w{1,128}$/;

/** Below 2^256, and written in one way only. */
const isDecimal = (text: unknown): text is string => typeof text === 'string' && /^(0|[1-9]\d{0,77})$/.test(text);

/** The text of a root's binary CID, as manifests have it. */
export const rootText = (cid: Uint8Array): string => formatCid(decodeCid(cid));

/** 32 bytes from hex, with or without 0x; undefined for anything else. */
export function parseChallenge(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || !/^(0x)?[0-9a-f]{64}$/i.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text.replace(/^0x/i, ''), 'hex'));
}

export function formatChallenge(challenge: Uint8Array): string {
  return `0x${Buffer.from(challenge).toString('hex')}`;
}
