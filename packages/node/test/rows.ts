import { InlineCompute } from '@codex/compute';
import { datasetRef, decodeManifest, encodeManifest, type Manifest, manifestCidOf } from '@codex/content';
import { GroupMemory, protectDataset, protectedGeometry } from '@codex/erasure';
import { Exchange, MemoryHub, MemoryNetwork } from '@codex/exchange';
import { seededRandom } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { onTestFinished } from 'vitest';

/** Peers without sockets, for one test. */
export class RowPeers {
  readonly #hub = new MemoryHub({}, { bufferBytes: 256 * 1024 });

  async start(peerId: string) {
    const repository = new MemoryRepository();
    const network = new MemoryNetwork({ hub: this.#hub }, { peerId });
    const exchange = new Exchange({ network, repository });
    network.start();
    await exchange.start();
    onTestFinished(async () => {
      exchange.stop();
      await network.stop();
    });
    return { network, repository, exchange, compute: new InlineCompute(), memory: new GroupMemory() };
  }
}

export type RowPeer = Awaited<ReturnType<RowPeers['start']>>;

/** Makes a protected dataset at a peer. */
export async function makeProtected(
  maker: RowPeer,
  { blockSize, blocks, data, parity }: { blockSize: number; blocks: number; data: number; parity: number },
): Promise<Manifest> {
  const writer = maker.repository.createDataset({ blockSize });
  await writer.append(seededRandom(1).bytes(blocks * blockSize - 100));
  const plain = await writer.finish((tree) => ({ ...tree, blockSize }));
  const cid = await protectDataset(maker, { manifest: plain, data, parity });
  return decodeManifest((await maker.repository.getBlock(cid))!);
}

/** Gives a peer what it takes to serve one row of the maker's dataset. */
export async function giveRow(maker: RowPeer, peer: RowPeer, manifest: Manifest, row: number): Promise<void> {
  const bytes = encodeManifest(manifest);
  await peer.repository.putBlock(manifestCidOf(bytes), bytes);
  const { steps } = protectedGeometry(manifest);
  const whole = await maker.repository.openDataset(datasetRef(manifest));
  const dataset = await peer.repository.openDataset(datasetRef(manifest));
  const range = { start: row * steps, count: steps };
  await dataset.learn(await whole.prove(range));
  for await (const batch of whole.read(range)) {
    await dataset.putLeaves(batch.start, batch.blocks);
    batch.release();
  }
}
