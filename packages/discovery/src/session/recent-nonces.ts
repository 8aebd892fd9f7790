/** Places of the table, 4 bytes each: some seconds of a busy node. */
const SLOTS = 512;

/**
 * Knows the packets of the last moments again, by their nonces: what the network doubled, or somebody sends once more.
 * The nonces are authenticated by then, so nobody else can fill the places. Two nonces are held for one with a chance of
 * 2^-32; that packet is lost, as packets are.
 */
export class RecentNonces {
  readonly #prints = new Uint32Array(SLOTS);

  /** True when `nonce`, 12 bytes, was seen lately; from now on it was. */
  seen(nonce: Uint8Array): boolean {
    const slot = (((nonce[0] ?? 0) << 8) | (nonce[1] ?? 0)) % SLOTS;
    const print =
      (((nonce[2] ?? 0) << 24) | ((nonce[3] ?? 0) << 16) | ((nonce[4] ?? 0) << 8) | (nonce[5] ?? 0)) >>> 0 || 1;
    if (this.#prints[slot] === print) return true;
    this.#prints[slot] = print;
    return false;
  }
}
