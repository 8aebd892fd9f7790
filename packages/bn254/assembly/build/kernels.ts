/**
 * Writes assembly/products.ts, compiles the kernels and writes them, as base64, to src/kernel/kernels.generated.ts. A test does it again
 * and compares.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { writeProducts } from './products.ts';

const HOME = fileURLToPath(new URL('..', import.meta.url));
const OUT = fileURLToPath(new URL('../../src/kernel/kernels.generated.ts', import.meta.url));
const PRODUCTS = fileURLToPath(new URL('../products.ts', import.meta.url));
const MODULE = 'kernel.wasm';
const LINE_CHARACTERS = 110;

async function compile(features: readonly string[]): Promise<string> {
  let module: Uint8Array | undefined;
  // The optimiser moves sums to where they are used, so that their terms do not fit registers: products take a fifth longer.
  const options = ['--runtime', 'stub', '-O0', '--noAssert', ...features.flatMap((name) => ['--enable', name])];
  const { error, stderr } = await asc.main(['index.ts', '--baseDir', HOME, '--outFile', MODULE, ...options], {
    writeFile(_name, contents) {
      if (typeof contents !== 'string') module = contents;
    },
  });
  if (error || !module) throw new Error(`The kernel does not compile\n${stderr.toString()}`, { cause: error });
  const text = Buffer.from(module).toString('base64');
  const lines = text.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')) ?? [];
  return lines.map((line) => `  '${line}'`).join(' +\n');
}

/** The text of the generated file. */
export async function generate(): Promise<string> {
  return `// Generated from assembly/ by \`npm run build:kernels\`; do not edit.

/** With fused multiply-add. */
export const FUSED_KERNEL =
${await compile(['simd', 'relaxed-simd'])};

/** With 128-bit SIMD only. */
export const SIMD_KERNEL =
${await compile(['simd'])};
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PRODUCTS, writeProducts());
  writeFileSync(OUT, await generate());
}
