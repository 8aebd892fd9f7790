import { readFile } from 'node:fs/promises';
import { WorkerPool } from '@codex/compute';
import type { Manifest } from '@codex/content';
import {
  deployContracts,
  EmbeddedChain,
  marketplaceAbi,
  networkConfig,
  requestIdOf,
  slotIdOf,
  testTokenAbi,
} from '@codex/contracts';
import {
  decodeVerificationKey,
  developmentKey,
  hashFile,
  openProvingKey,
  Prover,
  type ProvingKeyFile,
  toSolidityProof,
} from '@codex/groth16';
import {
  type Abi,
  type Address,
  createPublicClient,
  encodeFunctionData,
  getAddress,
  type Hex,
  hexToBytes,
  toHex,
} from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSlots, MemorySlotTrees, proofInput, proofInputJson, type SlotComponents } from '../src/index.ts';
import { inMemory, protect, streamOf } from './support/datasets.ts';
import { circuitOf, KEYS, witnessOf } from './support/witness.ts';

/** The network has five; the chain cannot tell, for the public signals are the same. */
const SAMPLES = process.env.SOAK === 'short' ? 1 : 5;
const CODE = { data: 3, parity: 2, blockSize: 65536 };
const SLOTS = CODE.data + CODE.parity;
const SLOT_SIZE = 262_144n;
const TOKEN_AND_MARKET: Abi = [...marketplaceAbi, ...testTokenAbi];

const compute = new WorkerPool({}, { threads: 2 });
let host: SlotComponents;
let manifest: Manifest;
let key: ProvingKeyFile;
let zkeyHash: string;

beforeAll(async () => {
  host = { ...inMemory(new MemorySlotTrees()), compute };
  ({ manifest } = await buildSlots(host, { manifest: await protect(host, streamOf('life', 500_000), CODE) }));
  const circuit = await circuitOf(SAMPLES);
  const { zkey, verificationKey } = await developmentKey({ compute }, { circuit, cache: KEYS });
  key = await openProvingKey(compute, zkey, { memoryBytes: 2 ** 30 });
  zkeyHash = await hashFile(compute, zkey);
  expect(decodeVerificationKey(JSON.parse(await readFile(verificationKey, 'utf8')))).toEqual(key.verification);
}, 600_000);
afterAll(async () => {
  await key?.close();
  await compute.stop();
});

async function proofFor(slotIndex: number, challenge: Hex) {
  const input = await proofInput(host, { manifest, slotIndex, challenge: hexToBytes(challenge), samples: SAMPLES });
  const witness = await witnessOf(compute, proofInputJson(input));
  const { proof } = await new Prover({ compute }, { key }).prove(witness);
  return toSolidityProof(proof);
}

/** A marketplace on a chain whose blocks come when they are asked for. */
class Stage {
  readonly chain = new EmbeddedChain({ onDemand: true, timestamp: 1_800_000_000 });
  readonly client: () => ReturnType<typeof createPublicClient>;
  market!: Address;
  token!: Address;
  accounts!: readonly Address[];

  constructor() {
    this.client = () => createPublicClient({ transport: this.chain.transport() });
  }

  async start(name: string): Promise<void> {
    await this.chain.start();
    const network = networkConfig(name);
    const init = { network, verificationKey: key.verification, zkeyHash };
    const { contracts, token } = await deployContracts({ transport: this.chain.transport() }, init);
    this.market = contracts.Marketplace!.address;
    this.token = token;
    const accounts = (await this.client().request({ method: 'eth_accounts' } as never)) as Address[];
    this.accounts = accounts.map((account) => getAddress(account));
    for (const from of this.accounts) await this.send(from, 'approve', [this.market, 2n ** 256n - 1n], this.token);
  }

  async now(): Promise<bigint> {
    return (await this.client().getBlock()).timestamp;
  }

  /** Sends a call into a block of its own, in the second of the last one or at `time`; the gas that it took. */
  async send(
    from: Address,
    functionName: string,
    args: readonly unknown[],
    to = this.market,
    time?: bigint,
  ): Promise<bigint> {
    const data = encodeFunctionData({ abi: TOKEN_AND_MARKET, functionName, args });
    const params = [{ from, to, data, gas: '0xf4240' }];
    const hash = (await this.client().request({ method: 'eth_sendTransaction', params } as never)) as Hex;
    await this.chain.mineAt(time ?? (await this.now()));
    const { status, gasUsed } = await this.client().getTransactionReceipt({ hash });
    if (status !== 'success') throw new Error(`${functionName} was reverted`);
    return gasUsed;
  }

  async ask<T>(functionName: string, args: readonly unknown[], address = this.market): Promise<T> {
    return (await this.client().readContract({ address, abi: TOKEN_AND_MARKET, functionName, args })) as T;
  }

  /** A proof for the block that comes next: the pointer must not wrap in it. */
  async proofNow(slotId: Hex, slotIndex: number) {
    if ((await this.ask<number>('getPointer', [slotId])) === 255) await this.chain.mine(1, 0);
    return proofFor(slotIndex, await this.ask<Hex>('getChallenge', [slotId]));
  }
}

describe.each(['default', 'test'])('a whole life on the chain with real proofs, configuration %s', (name) => {
  const stage = new Stage();
  beforeAll(() => stage.start(name), 60_000);
  afterAll(() => stage.chain.stop());

  it(`from request to the last token (${SAMPLES} samples)`, { timeout: 1_200_000 }, async () => {
    const { period } = networkConfig(name).config.proofs;
    const [client, validator, ...hosts] = stage.accounts as [Address, Address, ...Address[]];
    const { dataSetRoot } = await proofInput(host, {
      manifest,
      slotIndex: 0,
      challenge: new Uint8Array(32),
      samples: SAMPLES,
    });
    const merkleRoot = toHex(hexToBytes(toHex(dataSetRoot, { size: 32 })).reverse());
    const request = {
      client,
      ask: {
        proofProbability: 1n,
        pricePerBytePerSecond: 1n,
        collateralPerByte: 2n,
        slots: BigInt(SLOTS),
        slotSize: SLOT_SIZE,
        duration: 100n * period,
        maxSlotLoss: 1n,
      },
      content: { cid: '0x01cd0290b2020304', merkleRoot },
      expiry: period,
      nonce: `0x${'01'.repeat(32)}`,
    } as const;
    const id = requestIdOf(request);
    const slots = Array.from({ length: SLOTS }, (_, index) => slotIdOf(id, BigInt(index)));
    // A new period, so that all fillings are in one.
    await stage.chain.mineAt(((await stage.now()) / period + 1n) * period);
    await stage.send(client, 'requestStorage', [request]);
    const requestedAt = await stage.now();

    const fill = async (index: number, who: Address): Promise<bigint> => {
      await stage.send(who, 'reserveSlot', [id, BigInt(index)]);
      return stage.send(who, 'fillSlot', [id, BigInt(index), await stage.proofNow(slots[index]!, index)]);
    };
    // A proof of another slot is none.
    await stage.send(hosts[0]!, 'reserveSlot', [id, 0n]);
    const foreign = await stage.proofNow(slots[0]!, 1);
    await expect(stage.send(hosts[0]!, 'fillSlot', [id, 0n, foreign])).rejects.toThrow('reverted');
    await stage.send(hosts[0]!, 'fillSlot', [id, 0n, await stage.proofNow(slots[0]!, 0)]);
    for (let index = 1; index < SLOTS; index++) {
      // Verifying costs what it costs the reference, and less around it.
      expect(await fill(index, hosts[index]!)).toBeLessThan(540_000n);
    }
    expect(await stage.ask('requestState', [id])).toBe(1);

    // Periods of proofs; the first host sends none any more, until it has lost its slot.
    let [proofs, misses] = [0, 0];
    for (let round = 0; (await stage.ask('slotState', [slots[0]])) !== 6; round++) {
      expect(round).toBeLessThan(60);
      const start = ((await stage.now()) / period + 1n) * period;
      await stage.chain.mineAt(start);
      for (let index = 1; index < SLOTS && round < 3; index++) {
        if (!(await stage.ask<boolean>('isProofRequired', [slots[index]]))) continue;
        const proof = await stage.proofNow(slots[index]!, index);
        expect(await stage.send(hosts[index]!, 'submitProof', [slots[index], proof])).toBeLessThan(334_525n);
        proofs++;
        // Yesterday's proof is none today.
        if (round === 0) {
          await stage.chain.mineAt(start + period);
          await expect(stage.send(hosts[index]!, 'submitProof', [slots[index], proof])).rejects.toThrow('reverted');
          break;
        }
      }
      const at = ((await stage.now()) / period + 1n) * period;
      const marked = await stage
        .send(validator, 'markProofAsMissing', [slots[0], at / period - 1n], stage.market, at + 1n)
        .catch(() => undefined);
      if (marked !== undefined) misses++;
    }
    expect(misses).toBe(networkConfig(name).config.collateral.maxNumberOfSlashes);
    expect(proofs).toBeGreaterThan(0);

    await fill(0, hosts[SLOTS]!);
    expect(await stage.ask('getHost', [slots[0]])).toBe(hosts[SLOTS]);
    await stage.chain.mineAt(requestedAt + 100n * period + 1n);
    expect(await stage.ask('requestState', [id])).toBe(3);
    for (let index = 0; index < SLOTS; index++) {
      await stage.send(index === 0 ? hosts[SLOTS]! : hosts[index]!, 'freeSlot', [slots[index]]);
      expect(await stage.ask('slotState', [slots[index]])).toBe(4);
    }
    const before = await stage.ask<bigint>('balanceOf', [client], stage.token);
    await stage.send(client, 'withdrawFunds', [id]);
    expect(await stage.ask<bigint>('balanceOf', [client], stage.token)).toBeGreaterThan(before);
    expect(await stage.ask('balanceOf', [stage.market], stage.token)).toBe(0n);
  });
});
