/**
 * Compiles the kernels and writes them, as base64, to src/codec/kernels.generated.ts. A test compiles them again and
 * compares.
 */

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const HOME = fileURLToPath(new URL('.', import.meta.url));
const OUT = fileURLToPath(new URL('../src/codec/kernels.generated.ts', import.meta.url));

async function compile(features) {
  const outputs = new Map();
  const { error, stderr } = await asc.main(
    [
      'index.ts',
      '--baseDir',
      HOME,
      '--outFile',
      'kernel.wasm',
      '--runtime',
      'stub',
      '-O3',
      '--noAssert',
      ...features.flatMap((feature) => ['--enable', feature]),
    ],
    { writeFile: (name, contents) => void outputs.set(name, contents) },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return outputs.get('kernel.wasm');
}

const lines = (bytes) =>
  Buffer.from(bytes)
    .toString('base64')
    .match(/.{1,110}/g)
    .map((line) => `  '${line}'`)
    .join(' +\n');

/** The text of the generated file. */
export async function generate() {
  const simd = await compile(['simd']);
  const relaxed = await compile(['simd', 'relaxed-simd']);
  return `// Generated from assembly/ by \`npm run build:kernels\`; do not edit.\n
/** With 128-bit SIMD. */
export const SIMD_KERNEL =\n${lines(simd)};\n
/** With relaxed SIMD too. */
export const RELAXED_KERNEL =\n${lines(relaxed)};\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(OUT, await generate());
