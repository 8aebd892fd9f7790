/**
 * GF(2^8) and GF(2^16) as Leopard writes them (02 §4): an element is its coordinates in a Cantor basis, addition is XOR,
 * multiplication goes through discrete logarithms.
 */
export interface Field {
  readonly bits: 8 | 16;
  /** q, the number of elements. */
  readonly order: number;
  /** Q = q − 1: logarithms are residues of it. Q itself stands for the logarithm of zero. */
  readonly modulus: number;
  readonly log: Uint16Array;
  /** Q and 0 lead to the same element. */
  readonly exp: Uint16Array;
}

interface FieldSpec {
  readonly bits: 8 | 16;
  readonly polynomial: number;
  readonly basis: readonly number[];
}

const SMALL: FieldSpec = { bits: 8, polynomial: 0x11d, basis: [1, 214, 152, 146, 86, 200, 88, 230] };
const LARGE: FieldSpec = {
  bits: 16,
  polynomial: 0x1002d,
  basis: [
    0x0001, 0xacca, 0x3c0e, 0x163e, 0xc582, 0xed2e, 0x914c, 0x4012, 0x6c98, 0x10d8, 0x6a72, 0xb900, 0xfdb8, 0xfb34,
    0xff38, 0x991e,
  ],
};

const made = new Map<number, Field>();

/** The field of 8 or of 16 bits; made when it is first asked for (the larger takes a few ms and 256 KiB). */
export function fieldOf(bits: 8 | 16): Field {
  let field = made.get(bits);
  if (!field) {
    field = makeField(bits === 8 ? SMALL : LARGE);
    made.set(bits, field);
  }
  return field;
}

function makeField({ bits, polynomial, basis }: FieldSpec): Field {
  const order = 2 ** bits;
  const modulus = order - 1;
  // Logarithms of the elements as the shift register goes through them.
  const registerLog = new Uint16Array(order);
  registerLog[0] = modulus;
  for (let i = 0, state = 1; i < modulus; i++) {
    registerLog[state] = i;
    state <<= 1;
    if (state >= order) state ^= polynomial;
  }
  // From coordinates to the register's notation.
  const converted = new Uint16Array(order);
  basis.forEach((element, i) => {
    for (let j = 0; j < 2 ** i; j++) converted[j + 2 ** i] = converted[j]! ^ element;
  });
  const log = new Uint16Array(order);
  const exp = new Uint16Array(order);
  for (let x = 0; x < order; x++) {
    log[x] = registerLog[converted[x]!]!;
    exp[log[x]!] = x;
  }
  exp[modulus] = exp[0]!;
  return { bits, order, modulus, log, exp };
}

export function multiply(field: Field, x: number, y: number): number {
  return x === 0 || y === 0 ? 0 : multiplyExp(field, x, field.log[y]!);
}

/** x times the element whose logarithm is `log`. */
export function multiplyExp({ log: logs, exp, modulus }: Field, x: number, log: number): number {
  return x === 0 ? 0 : exp[(logs[x]! + log) % modulus]!;
}

/** The multiplier of the butterflies of the group of 2d points that begins at `origin`; d = `half` (02 §4). */
export function skewOf(origin: number, half: number): number {
  return origin / half;
}
