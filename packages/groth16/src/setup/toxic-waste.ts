import { scalarField } from '@codex/bn254';
import type { Random } from '@codex/runtime';

/**
 * The secrets of a setup: who knows them proves anything. A ceremony of many gives keys whose secrets nobody knows; a development
 * setup has one party, so nobody else may rely on its keys. There is no secret for γ, as in the keys of ceremonies (11 §5.3).
 */
export interface ToxicWaste {
  readonly tau: bigint;
  readonly alpha: bigint;
  readonly beta: bigint;
  readonly delta: bigint;
}

/** Twice the bits of the field: what is left of them after division is as good as uniform. */
const DRAWN_BYTES = 64;

/** Four elements other than 0. A seeded source gives the same ones again. */
export function drawToxicWaste(random: Random): ToxicWaste {
  const draw = () => {
    const bytes = random.bytes(DRAWN_BYTES);
    const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    bytes.fill(0);
    return 1n + (value % (scalarField.modulus - 1n));
  };
  return { tau: draw(), alpha: draw(), beta: draw(), delta: draw() };
}
