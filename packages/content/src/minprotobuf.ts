import { ContentError } from './errors.ts';

/**
 * Protobuf by the rules of libp2p's minprotobuf (01 §6): fields in ascending order, scalars and bytes written even when
 * zero or empty; readers skip unknown fields and fields of an unexpected wire type.
 */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** A 64-bit value takes at most ten groups of seven bits. */
const VARINT_MAX_BYTES = 10;

/** What `ProtoReader.key` is for a varint field. */
export const varintKey = (field: number): number => field * 8 + VARINT;
/** What `ProtoReader.key` is for a length-delimited field: bytes, string, message. */
export const bytesKey = (field: number): number => field * 8 + BYTES;

const invalid = (reason: string) => new ContentError('PROTOBUF_INVALID', `Malformed protobuf: ${reason}`, { reason });

/** Bytes that `value` (a whole number, 0 … 2^53 − 1) takes as a varint. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Writes a varint at `offset` and returns the offset behind it. */
export function writeVarint(value: number, target: Uint8Array, offset: number): number {
  let at = offset;
  let rest = value;
  while (rest >= 128) {
    target[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  target[at++] = rest;
  return at;
}

/**
 * Walks the fields of one message without copying: `next` moves to a field, then `key` says which one it is and `uint`,
 * `uint64`, `bytes` or `message` read it. A field that is not read is skipped. Error: `PROTOBUF_INVALID`.
 */
export class ProtoReader {
  readonly #source: Uint8Array;
  #offset = 0;
  #valueStart = 0;
  #valueEnd = 0;
  /** Field number × 8 + wire type of the current field; compare with `varintKey` and `bytesKey`. */
  key = 0;

  constructor(bytes: Uint8Array) {
    this.#source = bytes;
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#offset >= this.#source.length) return false;
    this.key = this.#varint();
    if (this.key < 8 || this.key > 0xffff_ffff) throw invalid('bad field number');
    switch (this.key % 8) {
      case VARINT:
        this.#valueStart = this.#offset;
        this.#skipVarint();
        break;
      case FIXED64:
        this.#take(8);
        break;
      case BYTES:
        this.#take(this.#varint());
        break;
      case FIXED32:
        this.#take(4);
        break;
      default:
        throw invalid('unknown wire type');
    }
    this.#valueEnd = this.#offset;
    return true;
  }

  /** The current varint as a number; an error above 2^53 − 1. */
  uint(): number {
    const end = this.#offset;
    this.#offset = this.#valueStart;
    const value = this.#varint();
    this.#offset = end;
    return value;
  }

  /** The current varint, modulo 2^64. */
  uint64(): bigint {
    let value = 0n;
    let shift = 0n;
    for (let at = this.#valueStart; at < this.#valueEnd; at++, shift += 7n) {
      value |= BigInt(this.#source[at]! & 127) << shift;
    }
    return BigInt.asUintN(64, value);
  }

  /** The current length-delimited value, as a view of the message. */
  bytes(): Uint8Array {
    return this.#source.subarray(this.#valueStart, this.#valueEnd);
  }

  /** A reader of the current length-delimited value. */
  message(): ProtoReader {
    return new ProtoReader(this.bytes());
  }

  #take(length: number): void {
    if (length > this.#source.length - this.#offset) throw invalid('truncated');
    this.#valueStart = this.#offset;
    this.#offset += length;
  }

  #skipVarint(): void {
    const limit = Math.min(this.#source.length, this.#offset + VARINT_MAX_BYTES);
    while (this.#offset < limit) {
      if (this.#source[this.#offset++]! < 128) return;
    }
    throw invalid('unfinished varint');
  }

  #varint(): number {
    const start = this.#offset;
    this.#skipVarint();
    let value = 0;
    for (let at = this.#offset - 1; at >= start; at--) value = value * 128 + (this.#source[at]! & 127);
    if (value > Number.MAX_SAFE_INTEGER) throw invalid('number above 2^53');
    return value;
  }
}

/** Longer byte strings are kept by reference instead of being copied into the writer. */
const REFERENCE_FROM_BYTES = 1024;

/** Room for the first fields: most messages inside messages need no more. */
const SCRATCH_BYTES = 64;

/**
 * Builds a message. Long byte strings are not copied: `parts` gives the pieces for a gathering write, so that a block
 * goes from its slab to the socket untouched. They must not change until then.
 */
export class ProtoWriter {
  /** Finished pieces; what was written since stands in `#scratch` from `#start` to `#end`. */
  readonly #parts: Uint8Array[] = [];
  #partsLength = 0;
  #scratch = new Uint8Array(SCRATCH_BYTES);
  #start = 0;
  #end = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#partsLength + this.#end - this.#start;
  }

  /** Writes a whole number, 0 … 2^53 − 1. */
  uint(field: number, value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw invalid(`cannot write ${value}`);
    this.#reserve(2 * VARINT_MAX_BYTES);
    this.#end = writeVarint(value, this.#scratch, writeVarint(varintKey(field), this.#scratch, this.#end));
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#header(field, value.length);
    this.#append(value);
    return this;
  }

  message(field: number, inner: ProtoWriter): this {
    this.#header(field, inner.length);
    for (const part of inner.#parts) this.#append(part);
    if (inner.#end > inner.#start) this.#append(inner.#scratch.subarray(inner.#start, inner.#end));
    return this;
  }

  /** The message in pieces, in order. */
  parts(): Uint8Array[] {
    this.#seal();
    return this.#parts.slice();
  }

  /** The message in one piece. */
  finish(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts()) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  #header(field: number, length: number): void {
    this.#reserve(2 * VARINT_MAX_BYTES);
    this.#end = writeVarint(length, this.#scratch, writeVarint(bytesKey(field), this.#scratch, this.#end));
  }

  #append(value: Uint8Array): void {
    if (value.length >= REFERENCE_FROM_BYTES) {
      this.#seal();
      this.#parts.push(value);
      this.#partsLength += value.length;
    } else {
      this.#reserve(value.length);
      this.#scratch.set(value, this.#end);
      this.#end += value.length;
    }
  }

  /** Makes room; what is not in a finished piece moves, so that pieces stay few. */
  #reserve(length: number): void {
    if (this.#end + length <= this.#scratch.length) return;
    const pending = this.#scratch.subarray(this.#start, this.#end);
    this.#scratch = new Uint8Array(Math.max(SCRATCH_BYTES, 2 * (pending.length + length)));
    this.#scratch.set(pending);
    this.#start = 0;
    this.#end = pending.length;
  }

  /** Finishes a piece; the rest of the scratch goes on being used. */
  #seal(): void {
    if (this.#end === this.#start) return;
    this.#parts.push(this.#scratch.subarray(this.#start, this.#end));
    this.#partsLength += this.#end - this.#start;
    this.#start = this.#end;
  }
}
