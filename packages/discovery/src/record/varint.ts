/** Unsigned LEB128, as in protobuf and multiformats. Numbers are 0 … 2^53 − 1. */
export function encodeVarint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
  return out;
}

/** Reads one value at `offset`; undefined when it is cut off, does not fit 2^53 − 1 or is not written shortest. */
export function decodeVarint(bytes: Uint8Array, offset: number): { value: number; end: number } | undefined {
  let value = 0;
  let scale = 1;
  for (let i = offset; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    value += (byte & 0x7f) * scale;
    if (!Number.isSafeInteger(value)) return undefined;
    if (byte < 0x80) return byte === 0 && i > offset ? undefined : { value, end: i + 1 };
    scale *= 0x80;
  }
  return undefined;
}
