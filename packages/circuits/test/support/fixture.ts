import { createHasher, decodeElements, packBytes } from '@codex/poseidon2';
import { type Slot, slotOf } from './dataset.ts';

/** The slot roots of the fixture (11 §6); slot 3 is the one to prove. */
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
export const FIXTURE_SLOT = 3;
export const FIXTURE_ENTROPY = 1234567n;

const CELL_BYTES = 2048;
const CELLS = 512;
const MODULUS = 1698428844001831n;

function fakeCell(slotSeed: bigint, index: number): Uint8Array {
  const s1 = slotSeed + 0xdeadcafen;
  const s2 = BigInt(index) + 0x98765432n;
  let state = 1n;
  return Uint8Array.from({ length: CELL_BYTES }, () => {
    const product = state * (state + s1) * (state + s2) + state * (state ^ 0x5a5a5a5an) + s1 * state + (s2 + 17n);
    state = BigInt.asUintN(64, product) % MODULUS;
    return Number(state & 0xffn);
  });
}

let made: Slot | undefined;

/** Slot 3 of the fixture, with all its cells. */
export function fixtureSlot(): Slot {
  made ??= makeSlot();
  return made;
}

function makeSlot(): Slot {
  const slotSeed = 12345n + 72n + 1001n * BigInt(FIXTURE_SLOT);
  const cells = Array.from({ length: CELLS }, (_, index) => fakeCell(slotSeed, index));
  const digests = createHasher().hashBytes({ data: Buffer.concat(cells), count: CELLS });
  return slotOf(cells.map(packBytes), 5, decodeElements(digests));
}
