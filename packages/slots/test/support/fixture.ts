/** The reference's fixture of fake data (11 §6). */
import { wasm } from '@codex/runtime';

export const FIXTURE = { slots: 11, slotIndex: 3, blocks: 16, entropy: 1234567n, samples: 5 };
export const FIXTURE_CELLS = [287, 21, 307, 157, 508];
export const FIXTURE_SLOT_ROOTS = [
  2890404758151050274312606730350692187558493981946059404326311209060864654379n,
  19987182826136616521830331577429527847943056366094389743847686135362626944000n,
  14279309641024220656349577745390262299143357053971618723978902485113885925133n,
  20744935707483803411869804102043283881376973626291244537230284476834672019997n,
  4810903104812541115474434476925532979405926006870866476166015313489077076400n,
  15583963006538004265028108522974363414924717962606679320027996077037589061614n,
  1927721924813808377406185883343761304073977157586854660214745051620255714101n,
  4815424179624973216845354928862028946658243097299168552920228239639125272171n,
  6074282922789212060680767791799815465468695010626903188849429489941094153548n,
  8902834601866117645250445399395236846866654201720886495257195252980067955619n,
  17872397126965207095494780010524156843257248687474550787255659041117988916909n,
];
export const FIXTURE_ROOT = 16074246370508166450132968585287196391860062495017081813239200574579640171677n;
export const FIXTURE_SLOT_PROOF = [
  14279309641024220656349577745390262299143357053971618723978902485113885925133n,
  17350220251883387610715080716935498684002984280929482268590417788651882821293n,
  3614172556528990402229172918446087216573760062512459539027101853103043539066n,
  9593656216696187567506330076677122799107266567595923589824071605501987205034n,
];

const CELL_BYTES = 2048;
const CELLS_PER_SLOT = 512;
const SEED = 12345n + 72n;

function leb(value: bigint): number[] {
  const low = Number(value & 0x7fn);
  const rest = value >> 7n;
  const isLast = (rest === 0n && low < 64) || (rest === -1n && low >= 64);
  return isLast ? [low] : [low | 0x80, ...leb(rest)];
}

const vector = (items: readonly (readonly number[])[]): number[] => [items.length, ...items.flat()];
function section(id: number, content: readonly number[]): number[] {
  // Lengths are unsigned; below 2^13 two bytes tell them.
  return [id, (content.length & 0x7f) | 0x80, content.length >> 7, ...content];
}

/** `fill(slotSeed: i64, cell: i64, at: i32)` writes a cell: arithmetic on 64 bits, which BigInt does a hundred times slower. */
function fillerModule(): Uint8Array {
  const [I64, I32] = [0x7e, 0x7f];
  const get = (local: number) => [0x20, local];
  const set = (local: number) => [0x21, local];
  const i64 = (value: bigint) => [0x42, ...leb(value)];
  const i32 = (value: number) => [0x41, ...leb(BigInt(value))];
  const [seed, cell, at, state, end] = [0, 1, 2, 3, 4];
  const [add, mul, xor, rem] = [0x7c, 0x7e, 0x85, 0x82];
  const body = [
    ...[...get(seed), ...i64(0xdeadcafen), add, ...set(seed)],
    ...[...get(cell), ...i64(0x98765432n), add, ...set(cell)],
    ...[...i64(1n), ...set(state)],
    ...[...get(at), ...i32(CELL_BYTES), 0x6a, ...set(end)],
    ...[0x03, 0x40],
    ...[...get(state), ...get(state), ...get(seed), add, mul, ...get(state), ...get(cell), add, mul],
    ...[...get(state), ...get(state), ...i64(0x5a5a5a5an), xor, mul, add],
    ...[...get(seed), ...get(state), mul, add],
    ...[...get(cell), ...i64(17n), add, add],
    ...[...i64(1698428844001831n), rem, ...set(state)],
    ...[...get(at), ...get(state), 0xa7, 0x3a, 0, 0],
    ...[...get(at), ...i32(1), 0x6a, 0x22, at, ...get(end), 0x49, 0x0d, 0],
    ...[0x0b, 0x0b],
  ];
  const code = [2, 1, I64, 1, I32, ...body];
  const sized = [(code.length & 0x7f) | 0x80, code.length >> 7, ...code];
  const name = (text: string) => [text.length, ...Buffer.from(text)];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[0x60, 3, I64, I64, I32, 0]])),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, (CELLS_PER_SLOT * CELL_BYTES) / 65536]),
    ...section(
      7,
      vector([
        [...name('fill'), 0, 0],
        [...name('memory'), 2, 0],
      ]),
    ),
    ...section(10, vector([sized])),
  ]);
}

/** The cells of all slots. */
export async function fixtureContent(): Promise<Uint8Array> {
  const { exports } = (await wasm.instantiate(fillerModule())).instance as unknown as {
    readonly exports: {
      readonly memory: { readonly buffer: ArrayBuffer };
      fill(slotSeed: bigint, cell: bigint, at: number): void;
    };
  };
  const slotBytes = CELLS_PER_SLOT * CELL_BYTES;
  const content = new Uint8Array(FIXTURE.slots * slotBytes);
  for (let slot = 0; slot < FIXTURE.slots; slot++) {
    for (let cell = 0; cell < CELLS_PER_SLOT; cell++) {
      exports.fill(SEED + 1001n * BigInt(slot), BigInt(cell), cell * CELL_BYTES);
    }
    content.set(new Uint8Array(exports.memory.buffer), slot * slotBytes);
  }
  return content;
}
