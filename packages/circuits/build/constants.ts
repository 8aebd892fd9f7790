/** Draws the round constants (10 §2.1) and writes them to circom/constants.circom. A test draws them again and compares. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drawConstants } from '@codex/poseidon2';

const OUT = fileURLToPath(new URL('../circom/constants.circom', import.meta.url));
/** SHA-256 over external and then internal constants, 32 bytes big-endian each (10 §2.1). */
const CHECKPOINT = 'af2408addc545f26040df26b8ed6b7b09b6f6197b1e0b69c80f08399f5ddd15e';

const hex = (constant: bigint) => constant.toString(16).padStart(64, '0');

function list(name: string, values: readonly bigint[]): string {
  const lines = values.map((value) => `        0x${hex(value)}`);
  return `function ${name}() {\n    return [\n${lines.join(',\n')}\n    ];\n}\n`;
}

/** The text of circom/constants.circom. */
export function generateConstants(): string {
  const { external, internal } = drawConstants();
  const bytes = Buffer.from([...external, ...internal].map(hex).join(''), 'hex');
  if (createHash('sha256').update(bytes).digest('hex') !== CHECKPOINT) {
    throw new Error('The round constants are not those of the protocol');
  }
  return `// Generated from the Grain register by build/constants.ts; do not edit.
pragma circom 2.1.0;

// Three for each of the eight external rounds.
${list('externalConstants', external)}
// One for each of the 56 internal rounds.
${list('internalConstants', internal)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(OUT, generateConstants());
