import { randomBytes } from 'node:crypto';
import type { Dataset } from '@codex/content';
import { decodeManifest, type Manifest, type ManifestCid, type Repository } from '@codex/content';
import { seededRandom } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { Exchange, type ExchangeInit, Libp2pNetwork, type PeerFinder, type PeerNetwork } from '../src/index.ts';

export interface TestNode {
  readonly network: PeerNetwork;
  readonly repository: Repository;
  readonly exchange: Exchange;
  connect(other: TestNode | { network: PeerNetwork }): Promise<void>;
  stop(): Promise<void>;
}

export function createNetwork(): Promise<Libp2pNetwork> {
  return Libp2pNetwork.create({
    privateKey: randomBytes(32),
    listenAddrs: ['/ip4/127.0.0.1/tcp/0'],
    maxPeers: 160,
    agentVersion: 'Codex',
  });
}

/** A node with everything that exchange needs, started. */
export async function startNode(
  init: { limits?: ExchangeInit; network?: PeerNetwork; finder?: PeerFinder; repository?: Repository } = {},
): Promise<TestNode> {
  const network = init.network ?? (await createNetwork());
  const repository = init.repository ?? new MemoryRepository();
  const components = { network, repository, random: seededRandom(1), ...(init.finder ? { finder: init.finder } : {}) };
  const exchange = new Exchange(components, init.limits);
  await network.start();
  await exchange.start();
  return {
    network,
    repository,
    exchange,
    connect: (other) => network.connect(other.network.peerId, other.network.listenAddrs()),
    stop: async () => {
      exchange.stop();
      await network.stop();
    },
  };
}

export interface Upload {
  readonly manifestCid: ManifestCid;
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
}

export async function upload(node: { repository: Repository }, bytes: Uint8Array, blockSize = 65_536): Promise<Upload> {
  const writer = node.repository.createDataset({ blockSize });
  await writer.append(bytes);
  const manifestCid = await writer.finish(({ treeCid, datasetSize }) => ({ treeCid, blockSize, datasetSize }));
  const stored = await node.repository.getBlock(manifestCid);
  return { manifestCid, manifest: decodeManifest(stored!), bytes };
}

/** The dataset of an upload at a node that may have nothing of it. */
export function open(node: { repository: Repository }, { manifest }: Upload): Promise<Dataset> {
  const { treeCid, blockSize, datasetSize } = manifest;
  return node.repository.openDataset({ treeCid, blockSize, leafCount: Math.ceil(datasetSize / blockSize) });
}

export async function readAll(dataset: Dataset, length: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const batch of dataset.read({ start: 0, count: dataset.ref.leafCount })) {
    for (const block of batch.blocks) {
      pieces.push(block.length === 0 ? new Uint8Array(dataset.ref.blockSize) : new Uint8Array(block));
    }
    batch.release();
  }
  return Buffer.concat(pieces).subarray(0, length);
}
