import { InlineCompute } from '@codex/compute';
import { datasetRef, decodeManifest, encodeManifest, formatCid, type Manifest, manifestCidOf } from '@codex/content';
import { GroupMemory, protectDataset } from '@codex/erasure';
import { type HostedSlot, MemoryRecords, type RequestId, type SlotId, type StorageRequest } from '@codex/market';
import { seededRandom, systemClock } from '@codex/runtime';
import { buildSlot, buildSlots, MemorySlotTrees } from '@codex/slots';
import { MemoryRepository } from '@codex/store';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NodeHostStorage } from '../../src/market/host-storage.ts';
import { hexOf } from '../../src/market/manifests.ts';
import { RepositoryFetcher, store } from '../api/harness.ts';

const BLOCK = 65_536;
const [DATA, PARITY] = [3, 2];
/** Slots of 5 blocks, the last data slot of 3; padded to 8. */
const BYTES = 13 * BLOCK - 10;
const compute = new InlineCompute();
const remote = new MemoryRepository();
let manifest: Manifest;
let request: StorageRequest;

beforeAll(async () => {
  const plain = await store(remote, seededRandom(3).bytes(BYTES));
  const source = { manifest: decodeManifest((await remote.getBlock(plain))!), data: DATA, parity: PARITY };
  const made = await protectDataset({ repository: remote, compute, memory: new GroupMemory() }, source);
  const protectedManifest = decodeManifest((await remote.getBlock(made))!);
  const parts = { repository: remote, compute, trees: new MemorySlotTrees() };
  const built = await buildSlots(parts, { manifest: protectedManifest });
  manifest = built.manifest;
  request = {
    client: `0x${'01'.repeat(20)}`,
    ask: {
      ...{ proofProbability: 1n, pricePerBytePerSecond: 1n, collateralPerByte: 1n, duration: 1000n },
      ...{ slots: BigInt(DATA + PARITY), slotSize: BigInt(built.slotBytes), maxSlotLoss: BigInt(PARITY) },
    },
    content: { cid: hexOf(built.manifestCid.bytes), merkleRoot: hexOf(built.verifyRoot) },
    expiry: 100n,
    nonce: `0x${'02'.repeat(32)}`,
  };
});

const slotOf = (slotIndex: number): HostedSlot => ({
  requestId: `0x${'03'.repeat(32)}` as RequestId,
  slotId: `0x${String(slotIndex).padStart(64, '0')}` as SlotId,
  slotIndex,
  request,
});

let local: MemoryRepository;
let fetcher: RepositoryFetcher;
let records: MemoryRecords;
let forgotten: number;
let rebuilt: number[];
/** Bytes that each slot has told. */
let told: Map<number, number>;

beforeEach(() => {
  local = new MemoryRepository();
  fetcher = new RepositoryFetcher(local, remote);
  records = new MemoryRecords();
  forgotten = 0;
  rebuilt = [];
  told = new Map();
});

function host(): NodeHostStorage {
  const trees = new MemorySlotTrees();
  return new NodeHostStorage({
    ...{ repository: local, fetcher, records, clock: systemClock },
    // The chain is an hour ahead.
    chain: { now: () => Math.floor(systemClock.now() / 1000) + 3600 },
    protection: {
      rebuild: async (given, row) => {
        rebuilt.push(row);
        const range = { start: row * 5, count: 5 };
        await fetcher.fetchDataset(await local.openDataset(datasetRef(given)), { ranges: [range] });
      },
      forgetRebuilt: async () => {},
    },
    proofs: {
      buildOne: async (slot) => void (await buildSlot({ repository: local, compute, trees }, slot)),
      proveRaw: () => Promise.reject(new Error('not here')),
      forget: () => void forgotten++,
    },
    told: ({ slotIndex }) => told.get(slotIndex) ?? 0,
  });
}

const transfer = (slotIndex: number, aheadSeconds = 7200) => ({
  expiry: Math.floor(systemClock.now() / 1000) + aheadSeconds,
  onStored: async (bytes: number) => void told.set(slotIndex, (told.get(slotIndex) ?? 0) + bytes),
});

/** Blocks that are here; leaves 13 and 14 are padding. */
async function held(): Promise<number> {
  const dataset = await local.findDataset(manifest.treeCid);
  return Array.from({ length: 25 }, (_, leaf) => leaf).filter(
    (leaf) => leaf !== 13 && leaf !== 14 && dataset?.has(leaf),
  ).length;
}

describe('what a host keeps', () => {
  it('is described as the request says, or refused', async () => {
    const storage = host();
    expect(await storage.describe(request.content.cid)).toEqual({
      ...{ merkleRoot: request.content.merkleRoot, slots: DATA + PARITY, slotSize: 8 * BLOCK, tolerance: PARITY },
    });
    await expect(storage.describe(hexOf(manifest.treeCid.bytes))).rejects.toMatchObject({ code: 'SLOTS_MISSING' });
    await expect(storage.describe('0x1234')).rejects.toMatchObject({ code: 'CID_INVALID' });
    const plain = encodeManifest({ ...manifest, protection: undefined } as unknown as Manifest);
    await remote.putBlock(manifestCidOf(plain), plain);
    const code = 'SLOTS_MANIFEST_INVALID';
    await expect(storage.describe(hexOf(manifestCidOf(plain).bytes))).rejects.toMatchObject({ code });
  });

  it.each([
    [0, 5],
    [2, 3],
    [4, 5],
  ])('is slot %i and no more: %i blocks, told once', async (slotIndex, blocks) => {
    const storage = host();
    await storage.describe(request.content.cid);
    await storage.fetchSlot(slotOf(slotIndex), transfer(slotIndex));
    expect(await held()).toBe(blocks);
    expect(told.get(slotIndex)).toBe(blocks * BLOCK);
    await host().fetchSlot(slotOf(slotIndex), transfer(slotIndex));
    expect(told.get(slotIndex)).toBe(blocks * BLOCK);
  });

  it('is told when nobody had it, too, and rebuilt then', async () => {
    const storage = host();
    await storage.describe(request.content.cid);
    fetcher.beforeStep = () => {
      throw new Error('nobody has it');
    };
    await expect(storage.fetchSlot(slotOf(1), transfer(1))).rejects.toThrow('nobody');
    fetcher.beforeStep = () => {};
    await storage.repairSlot(slotOf(1), transfer(1));
    expect(rebuilt).toEqual([1]);
    expect(told.get(1)).toBe(5 * BLOCK);
  });

  it('is kept until then, by the time of the chain', async () => {
    const storage = host();
    await storage.describe(request.content.cid);
    const week = 7 * 86_400;
    await storage.fetchSlot(slotOf(0), transfer(0, 10 * week));
    const expiry = async () => {
      for await (const stored of local.manifests()) return stored.expiry;
      return 0;
    };
    const expected = systemClock.now() + (10 * week - 3600) * 1000;
    expect(Math.abs((await expiry()) - expected)).toBeLessThan(60_000);
    await storage.extend(slotOf(0), Math.floor(systemClock.now() / 1000) + 20 * week);
    expect(Math.abs((await expiry()) - expected - 10 * week * 1000)).toBeLessThan(60_000);
  });

  it('goes with the last slot that needs it', async () => {
    const storage = host();
    await storage.describe(request.content.cid);
    await storage.fetchSlot(slotOf(0), transfer(0));
    await storage.fetchSlot(slotOf(3), transfer(3));
    await storage.release(slotOf(0));
    expect(await held()).toBe(10);
    // Another process of the same host.
    await host().release(slotOf(3));
    expect(await held()).toBe(0);
    expect(local.usage().quotaUsedBytes).toBe(0);
    expect(forgotten).toBe(1);
    expect(records.list('')).toEqual([]);
    await storage.release(slotOf(3));
  });

  it('stays when it was here before', async () => {
    await fetcher.fetchBlock(manifestCidOf(encodeManifest(manifest)));
    const storage = host();
    await storage.describe(request.content.cid);
    await storage.fetchSlot(slotOf(0), transfer(0));
    await storage.release(slotOf(0));
    expect(await held(), formatCid(manifest.treeCid)).toBe(5);
    expect(forgotten).toBe(0);
  });
});
