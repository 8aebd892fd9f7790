import { checkKey, elementsPerMessage, itemsIn, messageBytes } from './batch.ts';
import { WIDTH } from './constants.ts';
import { decodeElements, ELEMENT_BYTES, encodeElements, packBytes } from './field.ts';
import type { Messages, Poseidon2 } from './hasher.ts';
import { compress, permute, sponge } from './reference.ts';

/** The twin behind the interface of the kernels, for runtimes without SIMD. */
export class ReferenceHasher implements Poseidon2 {
  permute(states: Uint8Array): Uint8Array {
    const each = split(states, itemsIn(states, WIDTH * ELEMENT_BYTES)).map((state) => {
      const [x = 0n, y = 0n, z = 0n] = decodeElements(state);
      return permute([x, y, z]);
    });
    return encodeElements(each.flat());
  }

  compress(pairs: Uint8Array, key: number): Uint8Array {
    checkKey(key);
    const each = split(pairs, itemsIn(pairs, 2 * ELEMENT_BYTES)).map((pair) => {
      const [left = 0n, right = 0n] = decodeElements(pair);
      return compress(left, right, BigInt(key));
    });
    return encodeElements(each);
  }

  hashBytes(messages: Messages): Uint8Array {
    messageBytes(messages);
    const { data, count, rate } = messages;
    return encodeElements(split(data, count).map((message) => sponge(packBytes(message), rate)));
  }

  hashElements(messages: Messages): Uint8Array {
    elementsPerMessage(messages);
    const { data, count, rate } = messages;
    return encodeElements(split(data, count).map((message) => sponge(decodeElements(message), rate)));
  }
}

function split(bytes: Uint8Array, count: number): Uint8Array[] {
  const size = count === 0 ? 0 : bytes.length / count;
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}
