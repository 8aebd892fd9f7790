/**
 * Writes the kernels, as base64, to src/kernels.generated.ts. A test builds them again and compares. They are generated as
 * WebAssembly text: unrolled and woven by the programs beside this one.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import binaryen from 'binaryen';
import { ConstantPool } from './emitter.ts';
import { HEAP, INNER_CONSTANTS, LANES, MIX_CONSTANTS, STATE, slot } from './layout.ts';
import { CLEAR, roundFunctions } from './rounds.ts';
import { transferFunctions } from './transfer.ts';

const OUT = fileURLToPath(new URL('../src/kernels.generated.ts', import.meta.url));
const LINE_CHARACTERS = 110;
const ELEMENT_BYTES = 32;
const FULL_WORD = '(i64.const -1)';

/** Four states at a time, each of three elements after one another; `count` is a multiple of four. */
const PERMUTE = `(func (export "permute") (param $data i32) (param $count i32)
  (loop $next
    ${CLEAR}
    ${[0, 1, 2].map((j) => `(call $take ${slot(j)} (i32.add (local.get $data) (i32.const ${j * ELEMENT_BYTES})) (i32.const ${3 * ELEMENT_BYTES}) ${FULL_WORD})`).join('\n')}
    (call $permutation)
    ${[0, 1, 2].map((j) => `(call $give ${slot(j)} (i32.add (local.get $data) (i32.const ${j * ELEMENT_BYTES})) (i32.const ${3 * ELEMENT_BYTES}))`).join('\n')}
    (local.set $data (i32.add (local.get $data) (i32.const ${LANES * 3 * ELEMENT_BYTES})))
    (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const ${LANES}))))))`;

/** Pairs of elements, compressed with the key at \`key\`; \`to\` may be \`from\`. */
const COMPRESS = `(func (export "compress") (param $from i32) (param $to i32) (param $count i32) (param $key i32)
  (loop $next
    ${CLEAR}
    (call $take ${slot(0)} (local.get $from) (i32.const ${2 * ELEMENT_BYTES}) ${FULL_WORD})
    (call $take ${slot(1)} (i32.add (local.get $from) (i32.const ${ELEMENT_BYTES})) (i32.const ${2 * ELEMENT_BYTES}) ${FULL_WORD})
    (call $take ${slot(2)} (local.get $key) (i32.const 0) ${FULL_WORD})
    (call $permutation)
    (call $give ${slot(0)} (local.get $to) (i32.const ${ELEMENT_BYTES}))
    (local.set $from (i32.add (local.get $from) (i32.const ${LANES * 2 * ELEMENT_BYTES})))
    (local.set $to (i32.add (local.get $to) (i32.const ${LANES * ELEMENT_BYTES})))
    (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const ${LANES}))))))`;

/**
 * The sponge over padded messages of \`steps\` times \`rate\` elements, one every \`size\` bytes (31 or 32), messages every
 * \`stride\` bytes; \`iv\` is where the initial third element is.
 */
const SPONGE = `(func (export "sponge")
    (param $from i32) (param $stride i32) (param $size i32) (param $steps i32) (param $rate i32)
    (param $to i32) (param $count i32) (param $iv i32)
  (local $at i32)
  (local $left i32)
  (local $mask i64)
  (local.set $mask (select ${FULL_WORD} (i64.const 0x00ffffffffffffff) (i32.eq (local.get $size) (i32.const ${ELEMENT_BYTES}))))
  (loop $next
    ${CLEAR}
    (call $take ${slot(2)} (local.get $iv) (i32.const 0) ${FULL_WORD})
    (local.set $at (local.get $from))
    (local.set $left (local.get $steps))
    (loop $step
      (call $take ${slot(0)} (local.get $at) (local.get $stride) (local.get $mask))
      (local.set $at (i32.add (local.get $at) (local.get $size)))
      (if (i32.eq (local.get $rate) (i32.const 2))
        (then
          (call $take ${slot(1)} (local.get $at) (local.get $stride) (local.get $mask))
          (local.set $at (i32.add (local.get $at) (local.get $size))))
        (else (call $lift ${slot(1)})))
      (if (i32.ne (local.get $left) (local.get $steps)) (then (call $lift ${slot(2)})))
      (call $permutation)
      (br_if $step (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (call $give ${slot(0)} (local.get $to) (i32.const ${ELEMENT_BYTES}))
    (local.set $from (i32.add (local.get $from) (i32.mul (local.get $stride) (i32.const ${LANES}))))
    (local.set $to (i32.add (local.get $to) (i32.const ${LANES * ELEMENT_BYTES})))
    (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const ${LANES}))))))`;

/** The module, as text. */
function moduleText(fused: boolean): string {
  const pool = new ConstantPool();
  const functions = [...roundFunctions({ fused, pool }), ...transferFunctions({ fused, pool })];
  if (pool.bytes > STATE) throw new Error(`${pool.bytes} bytes of constants`);
  // Whether a·b + c is rounded once: (1 + 2^-30)² - (1 + 2^-29) is 2^-60 only then.
  const selfTest = `(func (export "isFused") (param $a f64) (param $c f64) (result f64)
    (f64x2.extract_lane 0 (f64x2.relaxed_madd (f64x2.splat (local.get $a)) (f64x2.splat (local.get $a)) (f64x2.splat (local.get $c)))))`;
  return `(module
    (memory (export "memory") 1)
    (global (export "mixConstants") i32 (i32.const ${MIX_CONSTANTS}))
    (global (export "innerConstants") i32 (i32.const ${INNER_CONSTANTS}))
    (global (export "heap") i32 (i32.const ${HEAP}))
    (data (i32.const 0) "${pool.data()}")
    ${fused ? selfTest : ''}
    ${functions.join('\n')}
    ${PERMUTE}
    ${COMPRESS}
    ${SPONGE})`;
}

function compile(fused: boolean): string {
  const module = binaryen.parseText(moduleText(fused));
  const { MVP, SIMD128, RelaxedSIMD, BulkMemory, BulkMemoryOpt, MutableGlobals } = binaryen.Features;
  module.setFeatures(MVP | SIMD128 | BulkMemory | BulkMemoryOpt | MutableGlobals | (fused ? RelaxedSIMD : 0));
  if (!module.validate()) throw new Error('The kernel is not valid');
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(0);
  module.runPasses(['simplify-locals', 'coalesce-locals', 'vacuum', 'reorder-locals']);
  const bytes = module.emitBinary();
  module.dispose();
  const text = Buffer.from(bytes).toString('base64');
  const lines = text.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')) ?? [];
  return lines.map((line) => `  '${line}'`).join(' +\n');
}

/** The text of the generated file. */
export function generate(): string {
  return `// Generated from kernel/ by \`npm run build:kernels\`; do not edit.

/** With relaxed SIMD, for processors that multiply and add in one step. */
export const FUSED_KERNEL =
${compile(true)};

/** With SIMD alone. */
export const PLAIN_KERNEL =
${compile(false)};
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(OUT, generate());
