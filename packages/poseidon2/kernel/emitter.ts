/** Writes a function in WebAssembly text. A value is an expression that may be used any number of times. */
export class Emitter {
  readonly #name: string;
  readonly #signature: string;
  readonly #pool: ConstantPool;
  readonly #known = new Map<string, string>();
  readonly #head: string[] = [];
  readonly #lines: string[] = [];
  readonly #locals: string[] = [];

  constructor(pool: ConstantPool, name: string, signature = '') {
    this.#pool = pool;
    this.#name = name;
    this.#signature = signature;
  }

  /** A value that is computed once. */
  let(expression: string, type: 'v128' | 'i64' | 'i32' = 'v128'): string {
    const name = `$t${this.#locals.length}`;
    this.#locals.push(`(local ${name} ${type})`);
    this.#lines.push(`(local.set ${name} ${expression})`);
    return `(local.get ${name})`;
  }

  do(line: string): void {
    this.#lines.push(line);
  }

  /** A variable that loops change. */
  variable(name: string, type: 'i32' | 'i64'): void {
    this.#locals.push(`(local ${name} ${type})`);
  }

  /** Both lanes the same 64 bits. Constants are loaded once, at the beginning of the function. */
  bits(value: bigint): string {
    const address = this.#pool.place(BigInt.asUintN(64, value));
    let known = this.#known.get(String(address));
    if (!known) {
      const name = `$c${address}`;
      this.#locals.push(`(local ${name} v128)`);
      this.#head.push(`(local.set ${name} (v128.load (i32.const ${address})))`);
      known = `(local.get ${name})`;
      this.#known.set(String(address), known);
    }
    return known;
  }

  double(value: number): string {
    return this.bits(new BigUint64Array(Float64Array.of(value).buffer)[0] ?? 0n);
  }

  fadd(a: string, b: string): string {
    return this.let(`(f64x2.add ${a} ${b})`);
  }

  fsub(a: string, b: string): string {
    return this.let(`(f64x2.sub ${a} ${b})`);
  }

  fmul(a: string, b: string): string {
    return this.let(`(f64x2.mul ${a} ${b})`);
  }

  /** a·b + c, rounded once. */
  fma(a: string, b: string, c: string): string {
    return this.let(`(f64x2.relaxed_madd ${a} ${b} ${c})`);
  }

  add(a: string, b: string): string {
    return this.let(`(i64x2.add ${a} ${b})`);
  }

  sub(a: string, b: string): string {
    return this.let(`(i64x2.sub ${a} ${b})`);
  }

  and(a: string, b: string): string {
    return this.let(`(v128.and ${a} ${b})`);
  }

  or(a: string, b: string): string {
    return this.let(`(v128.or ${a} ${b})`);
  }

  shr(a: string, bits: bigint): string {
    return this.let(`(i64x2.shr_u ${a} (i32.const ${bits}))`);
  }

  shl(a: string, bits: bigint): string {
    return this.let(`(i64x2.shl ${a} (i32.const ${bits}))`);
  }

  load(pointer: string, offset: number): string {
    return this.let(`(v128.load offset=${offset} ${pointer})`);
  }

  /** 64 bits from memory, in both lanes. */
  loadBoth(pointer: string, offset: number): string {
    return this.let(`(v128.load64_splat offset=${offset} ${pointer})`);
  }

  store(pointer: string, offset: number, value: string): void {
    this.do(`(v128.store offset=${offset} ${pointer} ${value})`);
  }

  text(): string {
    return [`(func $${this.#name} ${this.#signature}`, ...this.#locals, ...this.#head, ...this.#lines, ')'].join('\n');
  }
}

/** Constants of 64 bits, each in both lanes, at the beginning of the memory. */
export class ConstantPool {
  readonly #places = new Map<bigint, number>();

  place(value: bigint): number {
    let address = this.#places.get(value);
    if (address === undefined) {
      address = this.#places.size * 16;
      this.#places.set(value, address);
    }
    return address;
  }

  get bytes(): number {
    return this.#places.size * 16;
  }

  /** As a string of a data segment. */
  data(): string {
    const bytes = [...this.#places.keys()].flatMap((value) => {
      const lane = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
      return [...lane, ...lane];
    });
    return bytes.map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  }
}
