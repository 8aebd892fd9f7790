import { describe, expect, it } from 'vitest';
import { requestIdOf, slotIdOf } from '../src/index.ts';

/** The vector of 12 §1. */
const REQUEST = {
  client: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
  ask: {
    proofProbability: 4n,
    pricePerBytePerSecond: 1n,
    collateralPerByte: 10n,
    slots: 4n,
    slotSize: 1048576n,
    duration: 36000n,
    maxSlotLoss: 1n,
  },
  content: { cid: '0x01cd0290b2020304', merkleRoot: `0x${'11'.repeat(32)}` },
  expiry: 600n,
  nonce: `0x${'22'.repeat(32)}`,
} as const;
const ID = '0xcb343282132fa91c9c558fc5dbefa9ff68fb3f92cec9dfc4e244e93a78040487';

describe('ids', () => {
  it('are those of the vectors', () => {
    expect(requestIdOf(REQUEST)).toBe(ID);
    expect(slotIdOf(ID, 0n)).toBe('0x4b7b68e933bcf23dc351aca82e52afed222e0156919bf2773e2a216ec443dfa3');
    expect(slotIdOf(ID, 3n)).toBe('0xefbd4d99f4a3ca5d0e9ef7e655f1cf85b003174bcecfd825d83151943b6eca0e');
    expect(slotIdOf(`0x${'00'.repeat(32)}`, 0n)).toBe(
      '0xad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5',
    );
  });
});
