import type { Random } from '@codex/runtime';
import type { Address, Bytes32, Request } from '../../src/model/index.ts';

/** More slots at once say nothing new, and make each look at them longer. */
const SLOTS_MAX = 4;
/** Of so many requests one is of nearly all the money that there is. */
const HUGE_ONE_IN = 10;

const pick = <T>(random: Random, from: readonly T[]): T => from[random.int(from.length)]!;

export const bytes32 = (random: Random): Bytes32 => `0x${Buffer.from(random.bytes(32)).toString('hex')}`;

/** A request that is taken; it lives for some periods. */
export function validRequest(random: Random, client: Address, period: bigint): Request {
  const slots = BigInt(1 + random.int(SLOTS_MAX));
  // Amounts at which a product with a percentage no longer fits 256 bits, though the amount does.
  const huge = random.int(HUGE_ONE_IN) === 0;
  const duration = period * BigInt(2 + random.int(14)) + BigInt(2 + random.int(20));
  return {
    client,
    ask: {
      proofProbability: pick(random, [1n, 1n, 1n, 2n, 3n, 4n, 100n, 2n ** 256n - 1n]),
      pricePerBytePerSecond: huge ? 2n ** 230n + 1n : pick(random, [1n, 3n, 1000n, 2n ** 60n + 1n]),
      collateralPerByte: huge ? 2n ** 251n - 1n : pick(random, [1n, 7n, 100n, 2n ** 70n - 1n]),
      slots,
      slotSize: huge ? 1n : pick(random, [0n, 1n, 3n, 65_536n, 99_999n, 2n ** 40n - 1n]),
      duration,
      maxSlotLoss: pick(random, [0n, 1n, 1n, 2n, slots]) % (slots + 1n),
    },
    content: {
      cid: pick<`0x${string}`>(random, ['0x01', '0x01cd0290b2020304', `0x${'ab'.repeat(40)}`]),
      merkleRoot: bytes32(random),
    },
    expiry: pick(random, [1n, 2n + duration / 4n, duration / 3n + 1n, duration / 2n + 1n, duration - 1n]),
    nonce: bytes32(random),
  };
}

const UINT64_MAX = 2n ** 64n - 1n;
const UINT256_MAX = 2n ** 256n - 1n;

/** Each makes one thing wrong, or sets it to an end of its range. */
const SPOILERS: readonly ((request: Request, random: Random) => Request)[] = [
  (request) => ({ ...request, expiry: 0n }),
  (request) => ({ ...request, expiry: request.ask.duration }),
  (request) => ({ ...request, expiry: UINT64_MAX }),
  (request) => withAsk(request, { slots: 0n }),
  (request) => withAsk(request, { maxSlotLoss: request.ask.slots + 1n }),
  (request) => withAsk(request, { maxSlotLoss: UINT64_MAX }),
  (request) => withAsk(request, { duration: 0n }),
  (request) => withAsk(request, { proofProbability: 0n }),
  (request) => withAsk(request, { collateralPerByte: 0n }),
  (request) => withAsk(request, { pricePerBytePerSecond: 0n }),
  (request) => ({ ...request, content: { ...request.content, cid: '0x' } }),
  (request) => withAsk(request, { duration: 2_592_001n }),
  (request) => withAsk(request, { duration: UINT64_MAX }),
  (request) => withAsk(request, { slots: UINT64_MAX }),
  (request) => withAsk(request, { slots: UINT64_MAX / request.ask.duration + 1n }),
  (request) => withAsk(request, { pricePerBytePerSecond: UINT256_MAX, slotSize: 2n }),
  (request) => withAsk(request, { pricePerBytePerSecond: UINT256_MAX, slotSize: 1n }),
  (request) => withAsk(request, { collateralPerByte: UINT256_MAX, slotSize: 2n }),
  // Not wrong, but dearer than any purse.
  (request) =>
    withAsk(request, {
      pricePerBytePerSecond: 2n ** 254n / (request.ask.slots * request.ask.duration) + 1n,
      slotSize: 1n,
    }),
];

const withAsk = (request: Request, ask: Partial<Request['ask']>): Request => ({
  ...request,
  ask: { ...request.ask, ...ask },
});

export function spoiltRequest(random: Random, client: Address, period: bigint): Request {
  return pick(random, SPOILERS)(validRequest(random, client, period), random);
}
