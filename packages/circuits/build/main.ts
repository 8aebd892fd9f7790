/**
 * Builds the circuit of the network, or one with other numbers of samples: `npm run build:circuits [-- samples...]`.
 * Prints where it is, and its size.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildCircuit, constraintsOf, NETWORK_PARAMETERS } from '../src/index.ts';

const CACHE = fileURLToPath(new URL('../../../.cache/circuits', import.meta.url));

const counts = process.argv.slice(2).map(Number);
for (const nSamples of counts.length > 0 ? counts : [NETWORK_PARAMETERS.nSamples]) {
  const parameters = { ...NETWORK_PARAMETERS, nSamples };
  const { directory, r1cs } = await buildCircuit(parameters, { cache: CACHE });
  const sha256 = createHash('sha256').update(readFileSync(r1cs)).digest('hex');
  process.stdout.write(
    `${nSamples} samples: ${constraintsOf(parameters)} constraints, sha256 of r1cs ${sha256}\n${directory}\n`,
  );
}
