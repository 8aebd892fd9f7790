import { datasetRef, encodeManifest, type Manifest, manifestCidOf } from '@codex/content';
import { protectedGeometry } from '@codex/erasure';
import { type HostedSlot, MemoryRecords, type RequestId, type SlotId } from '@codex/market';
import { systemClock } from '@codex/runtime';
import { buildSlot, buildSlots, MemorySlotTrees } from '@codex/slots';
import { beforeEach, expect, it } from 'vitest';
import { API_LIMITS } from '../../src/api/index.ts';
import { NodeHostStorage } from '../../src/market/host-storage.ts';
import { hexOf } from '../../src/market/manifests.ts';
import { ProtectedData } from '../../src/protection/index.ts';
import { giveRow, makeProtected, type RowPeer, RowPeers } from '../rows.ts';

const BLOCK = 65_536;
const [DATA, PARITY] = [2, 1];
const BLOCKS = 40;
/** A fraction of what the exchange waits for blocks that nobody has. */
const SOON_MS = 6_000;

let peers: RowPeers;
let maker: RowPeer;
let host: RowPeer;
let manifest: Manifest;
let stored: number;

beforeEach(async () => {
  peers = new RowPeers();
  maker = await peers.start('maker');
  const plain = await makeProtected(maker, { blockSize: BLOCK, blocks: BLOCKS, data: DATA, parity: PARITY });
  manifest = (await buildSlots({ ...maker, trees: new MemorySlotTrees() }, { manifest: plain })).manifest;
  host = await peers.start('host');
  stored = 0;
});

async function holders(rows: readonly number[]): Promise<void> {
  for (const row of rows) {
    const peer = await peers.start(`row ${row}`);
    await giveRow(maker, peer, manifest, row);
    await host.network.connect(`row ${row}`, peer.network.listenAddrs());
  }
}

async function repair(slotIndex: number): Promise<number> {
  const { repository, compute, exchange: fetcher } = host;
  const clock = systemClock;
  const storage = new NodeHostStorage({
    ...{ repository, fetcher, clock, records: new MemoryRecords() },
    chain: { now: () => Math.floor(clock.now() / 1000) },
    protection: new ProtectedData({ repository, compute, fetcher, clock }, API_LIMITS),
    proofs: {
      buildOne: async (slot) => void (await buildSlot({ repository, compute, trees: new MemorySlotTrees() }, slot)),
      proveRaw: () => Promise.reject(new Error('not here')),
      forget: () => {},
    },
    told: () => stored,
  });
  const cid = hexOf(manifestCidOf(encodeManifest(manifest)).bytes);
  const slot: HostedSlot = {
    ...{ slotIndex, requestId: `0x${'03'.repeat(32)}` as RequestId, slotId: `0x${'04'.repeat(32)}` as SlotId },
    request: {
      ...{ client: `0x${'01'.repeat(20)}`, expiry: 100n, nonce: `0x${'02'.repeat(32)}` },
      content: { cid, merkleRoot: `0x${'05'.repeat(32)}` },
      ask: {
        ...{ proofProbability: 1n, pricePerBytePerSecond: 1n, collateralPerByte: 1n, duration: 1000n },
        ...{ slots: BigInt(DATA + PARITY), slotSize: 1n, maxSlotLoss: BigInt(PARITY) },
      },
    },
  };
  await storage.describe(cid);
  const began = clock.monotonic();
  await storage.repairSlot(slot, {
    expiry: Math.floor(clock.now() / 1000) + 3600,
    onStored: async (bytes) => {
      stored += bytes;
    },
  });
  return clock.monotonic() - began;
}

/** Leaves of a row that the host has. */
async function held(row: number): Promise<number> {
  const { steps } = protectedGeometry(manifest);
  const dataset = await host.repository.openDataset(datasetRef(manifest));
  return Array.from({ length: steps }, (_, i) => row * steps + i).filter((leaf) => dataset.has(leaf)).length;
}

it.each([
  ['data', 0, [1, 2]],
  ['data', 1, [0, 2]],
  ['parity', 2, [0, 1]],
])('a lost slot of %s (%i) is rebuilt without waiting for whoever has it', async (_, lost, rest) => {
  await holders(rest);
  expect(await repair(lost)).toBeLessThan(SOON_MS);
  expect(await held(lost)).toBe(BLOCKS / DATA);
  expect(stored).toBe((BLOCKS / DATA) * BLOCK);
  // Of the others only what proves its own.
  for (const row of rest) expect(await held(row)).toBeLessThanOrEqual(1);
});

it('a lost slot that somebody has is fetched, and nothing of the others', async () => {
  await holders([1]);
  expect(await repair(1)).toBeLessThan(SOON_MS);
  expect(await held(1)).toBe(BLOCKS / DATA);
});
