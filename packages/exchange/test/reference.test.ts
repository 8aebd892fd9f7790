import { randomBytes } from 'node:crypto';
import type { DatasetRef, TreeCid } from '@codex/content';
import { decodeCid, encodeManifest, manifestCid, sha256 } from '@codex/content';
import { afterEach, describe, expect, it } from 'vitest';
import { open, readAll, startNode, type TestNode, upload } from './nodes.ts';
import { cidAddress, entry, type Field, hexOf, leafAddress, ReferencePeer, treeOf } from './reference-peer.ts';

const running: { stop(): Promise<void> }[] = [];
const node = async (init: Parameters<typeof startNode>[0] = {}): Promise<TestNode> => {
  const started = await startNode(init);
  running.push(started);
  return started;
};
const reference = async () => {
  const started = await ReferencePeer.start();
  running.push(started);
  return started;
};
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.stop()));
});

const BLOCK = 65_536;
const blocksOf = (count: number) => Array.from({ length: count }, () => new Uint8Array(randomBytes(BLOCK)));
const refOf = (treeCid: Uint8Array, leafCount: number, blockSize = BLOCK): DatasetRef => ({
  treeCid: decodeCid(treeCid) as TreeCid,
  leafCount,
  blockSize,
});
const dial = (from: TestNode, to: ReferencePeer) =>
  from.network.connect(to.node.peerId.toString(), to.node.getMultiaddrs().map(String));

describe('fetching from a reference peer', () => {
  it('gets a manifest and a dataset, with want-have before want-block', async () => {
    const [ours, theirs] = [await node(), await reference()];
    const blocks = blocksOf(130);
    const tree = treeOf(blocks);
    theirs.add(blocks, tree);
    const manifest = encodeManifest({
      treeCid: decodeCid(tree.treeCid) as TreeCid,
      blockSize: BLOCK,
      datasetSize: 130 * BLOCK,
    });
    const cid = manifestCid(sha256(manifest));
    theirs.addPlain(cid.bytes, manifest);
    await dial(ours, theirs);
    expect(hexOf(await ours.exchange.fetchBlock(cid))).toBe(hexOf(manifest));
    const dataset = await ours.repository.openDataset(refOf(tree.treeCid, 130));
    await ours.exchange.fetchDataset(dataset);
    expect(Buffer.compare(await readAll(dataset, 130 * BLOCK), Buffer.concat(blocks))).toBe(0);
    const [first] = theirs.wantLists;
    expect(first).toMatchObject({ full: true, entries: [{ key: hexOf(cid.bytes), type: 1, cancel: false }] });
    const wanted = theirs.wantLists
      .flatMap((list) => list.entries)
      .filter((want) => want.type === 0 && want.key.includes('/'));
    expect(wanted.length).toBe(130);
    expect(new Set(wanted.map((want) => want.key)).size).toBe(130);
    for (const list of theirs.wantLists) expect(list.entries.length).toBeLessThanOrEqual(1024);
  });

  it('gets what the peer stores later', async () => {
    const [ours, theirs] = [await node(), await reference()];
    const blocks = blocksOf(5);
    const tree = treeOf(blocks);
    await dial(ours, theirs);
    const dataset = await ours.repository.openDataset(refOf(tree.treeCid, 5));
    const fetched = ours.exchange.fetchDataset(dataset);
    await expect.poll(() => theirs.wantLists.length).toBeGreaterThan(0);
    theirs.add(blocks, tree);
    await fetched;
    expect(dataset.heldCount).toBe(5);
  });

  it('spreads the work over a reference peer and one of our own, without asking twice', async () => {
    const limits = { requestBytes: 4 * BLOCK, peerWindowMinBytes: 8 * BLOCK, peerWindowMaxBytes: 8 * BLOCK };
    const [ours, own, theirs] = [await node({ limits }), await node(), await reference()];
    const file = await upload(own, randomBytes(300 * BLOCK));
    const blocks = Array.from({ length: 300 }, (_, i) => file.bytes.slice(i * BLOCK, (i + 1) * BLOCK));
    const tree = treeOf(blocks);
    expect(hexOf(tree.treeCid)).toBe(hexOf(file.manifest.treeCid.bytes));
    theirs.add(blocks, tree);
    await dial(ours, theirs);
    await ours.connect(own);
    await ours.exchange.fetchDataset(await open(ours, file));
    const asked = theirs.wantLists.flatMap((list) => list.entries).filter((want) => want.type === 0 && !want.cancel);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThan(300);
  });

  it('gets leaves that stand for zeros without bytes', async () => {
    const [ours, theirs] = [await node(), await reference()];
    const blocks = [randomBytes(BLOCK), new Uint8Array(0), randomBytes(BLOCK), new Uint8Array(0), new Uint8Array(0)];
    const tree = treeOf(blocks);
    theirs.add(blocks, tree);
    await dial(ours, theirs);
    const dataset = await ours.repository.openDataset(refOf(tree.treeCid, 5));
    await ours.exchange.fetchDataset(dataset);
    expect(dataset.heldCount).toBe(5);
  });
});

describe('serving a reference peer', () => {
  it('answers want-haves, never DontHave unasked, and delivers what is wanted', async () => {
    const [ours, theirs] = [await node(), await reference()];
    const file = await upload(ours, randomBytes(50 * BLOCK));
    await theirs.dial(ours.network.listenAddrs(), ours.network.peerId);
    const treeCid = file.manifest.treeCid.bytes;
    const haves = Array.from({ length: 60 }, (_, i) => entry(leafAddress(treeCid, i), 1));
    const absent = manifestCid(sha256(randomBytes(4))).bytes;
    await theirs.wants([...haves, entry(cidAddress(file.manifestCid.bytes), 1), entry(cidAddress(absent), 1)], 1);
    await expect.poll(() => theirs.presences.length).toBe(51);
    expect(theirs.presences.every(({ type, price }) => type === 0 && price === '00'.repeat(32))).toBe(true);
    const wants = Array.from({ length: 50 }, (_, i) => entry(leafAddress(treeCid, i), 0));
    await theirs.wants([...wants, entry(cidAddress(file.manifestCid.bytes), 0)]);
    await expect.poll(() => theirs.received.size).toBe(51);
    for (let i = 0; i < 50; i++) {
      const data = theirs.received.get(`${hexOf(treeCid)}/${i}`)!;
      expect(Buffer.compare(data, file.bytes.subarray(i * BLOCK, (i + 1) * BLOCK))).toBe(0);
    }
    expect(theirs.presences.length).toBe(51);
  });

  it('tells DontHave to those who ask for it', async () => {
    const [ours, theirs] = [await node(), await reference()];
    await theirs.dial(ours.network.listenAddrs(), ours.network.peerId);
    const address = leafAddress(treeOf(blocksOf(1)).treeCid, 0);
    const asking: Field = [
      1,
      [
        [1, address],
        [2, 0],
        [3, 0],
        [4, 1],
        [5, 1],
      ],
    ];
    await theirs.wants([asking]);
    await expect.poll(() => theirs.presences.length).toBe(1);
    expect(theirs.presences[0]!.type).toBe(1);
  });

  it('keeps a want and serves it when the block comes; a cancelled one not', async () => {
    const [ours, theirs] = [await node(), await reference()];
    const bytes = randomBytes(3 * BLOCK);
    const other = await node();
    const { manifest, manifestCid: cid } = await upload(other, bytes);
    const treeCid = manifest.treeCid.bytes;
    await theirs.dial(ours.network.listenAddrs(), ours.network.peerId);
    await theirs.wants([0, 1, 2].map((i) => entry(leafAddress(treeCid, i), 0)));
    await theirs.wants([entry(cidAddress(cid.bytes), 0), entry(leafAddress(treeCid, 1), 1, 1)]);
    // A want-have is answered: the lists before it were worked on.
    await upload(ours, randomBytes(10)).then((mark) => theirs.wants([entry(cidAddress(mark.manifestCid.bytes), 1)]));
    await expect.poll(() => theirs.presences.length).toBe(1);
    expect(theirs.received.size).toBe(0);
    await upload(ours, bytes);
    await expect.poll(() => theirs.received.size).toBe(3);
    expect([...theirs.received.keys()].sort()).toEqual(
      [`${hexOf(treeCid)}/0`, `${hexOf(treeCid)}/2`, hexOf(cid.bytes)].sort(),
    );
  });

  it('delivers zeros as the empty block with its proof', async () => {
    const [ours, theirs] = [await node(), await reference()];
    const blocks = [randomBytes(BLOCK), new Uint8Array(0), new Uint8Array(0)];
    const tree = treeOf(blocks);
    const source = await reference();
    source.add(blocks, tree);
    await dial(ours, source);
    await ours.exchange.fetchDataset(await ours.repository.openDataset(refOf(tree.treeCid, 3)));
    await theirs.dial(ours.network.listenAddrs(), ours.network.peerId);
    await theirs.wants([0, 1, 2].map((i) => entry(leafAddress(tree.treeCid, i), 0)));
    await expect.poll(() => theirs.received.size).toBe(3);
    expect(theirs.received.get(`${hexOf(tree.treeCid)}/2`)!.length).toBe(0);
  });
});

describe('hostile peers over 1.0.0', () => {
  const scene = async (limits = {}) => {
    const [ours, hostile, honest] = [await node({ limits }), await reference(), await node()];
    const file = await upload(honest, randomBytes(40 * BLOCK));
    const blocks = Array.from({ length: 40 }, (_, i) => file.bytes.slice(i * BLOCK, (i + 1) * BLOCK));
    hostile.add(blocks, treeOf(blocks));
    await dial(ours, hostile);
    await expect.poll(() => hostile.node.getConnections().length).toBe(1);
    return { ours, hostile, honest, file, dataset: await open(ours, file) };
  };
  const isDropped = (ours: TestNode, hostile: ReferencePeer) =>
    expect.poll(() => ours.network.peers().includes(hostile.node.peerId.toString()), { timeout: 8_000 }).toBe(false);

  const tampers: Record<string, (fields: Field[]) => Field[]> = {
    'wrong bytes': (fields) => fields.map(([n, value]): Field => (n === 2 ? [2, randomBytes(BLOCK)] : [n, value])),
    'another cid with its bytes': (fields) => {
      const data = randomBytes(BLOCK);
      const cid = treeOf([data]).layers[0]![0]!;
      return fields.map(
        ([n, value]): Field =>
          n === 1 ? [1, Buffer.from([1, 0x82, 0x9a, 3, 0x12, 32, ...cid])] : n === 2 ? [2, data] : [n, value],
      );
    },
    'wrong proof': (fields) =>
      fields.map(([n, value]): Field => {
        if (n !== 4) return [n, value];
        const proof = Buffer.from(value as Uint8Array);
        proof[proof.length - 1]! ^= 1;
        return [4, proof];
      }),
    'no proof': (fields) => fields.filter(([n]) => n !== 4),
    'no data': (fields) => fields.filter(([n]) => n !== 2),
  };
  for (const [name, tamper] of Object.entries(tampers)) {
    it(`${name}: the peer is dropped and the honest one delivers`, async () => {
      const { ours, hostile, honest, file, dataset } = await scene();
      hostile.tamper = tamper;
      const fetched = ours.exchange.fetchDataset(dataset);
      await isDropped(ours, hostile);
      expect(dataset.heldCount).toBe(0);
      await ours.connect(honest);
      await fetched;
      expect(Buffer.compare(await readAll(dataset, file.bytes.length), file.bytes)).toBe(0);
      await hostile.dial(ours.network.listenAddrs(), ours.network.peerId).catch(() => {});
      await isDropped(ours, hostile);
    });
  }

  it('silence after Have: others take over, and the peer is dropped', async () => {
    const { ours, hostile, honest, dataset } = await scene({ stallMs: 500, peerTimeoutMs: 2_000 });
    const fetched = ours.exchange.fetchDataset(dataset);
    hostile.tamper = () => {
      throw new Error('says nothing');
    };
    await expect.poll(() => hostile.wantLists.some((list) => list.entries.some((want) => want.type === 0))).toBe(true);
    await ours.connect(honest);
    await fetched;
    expect(dataset.heldCount).toBe(40);
  });

  it('unrequested blocks are ignored and counted', async () => {
    const { ours, hostile, file, dataset } = await scene({ spuriousBlocksMax: 50 });
    const data = file.bytes.slice(0, BLOCK);
    const tree = treeOf([data]);
    const delivery: Field = [
      3,
      [
        [1, tree.layers[0]![0]!],
        [2, data],
        [3, leafAddress(tree.treeCid, 0)],
        [4, Buffer.alloc(4)],
      ],
    ];
    for (let i = 0; i < 5; i++) await hostile.send([[1, [[2, 0]]], ...Array(10).fill(delivery)]).catch(() => {});
    await isDropped(ours, hostile);
    expect(dataset.heldCount).toBe(0);
  });

  it('a 100 MiB length and truncated messages close the stream, and at last the connection', async () => {
    for (const bytes of [
      Buffer.from('80808032', 'hex'),
      Buffer.from('050a03', 'hex'),
      Buffer.from('03ffffff', 'hex'),
    ]) {
      const { ours, hostile } = await scene({ malformedMax: 1 });
      await hostile.sendRaw(Buffer.concat([bytes, Buffer.alloc(8)]));
      await isDropped(ours, hostile);
    }
  });

  it('a flood of wants takes bounded memory and does not disturb others', async () => {
    const { ours, hostile, honest, file, dataset } = await scene();
    await ours.connect(honest);
    const fetched = ours.exchange.fetchDataset(dataset);
    const address = file.manifest.treeCid.bytes;
    for (let list = 0; list < 40; list++) {
      const wants = Array.from({ length: 1024 }, (_, i) => entry(leafAddress(address, 100 + list * 1024 + i), 0));
      await hostile.wants(wants).catch(() => {});
    }
    await fetched;
    expect(dataset.heldCount).toBe(40);
    expect(ours.network.peers()).toContain(honest.network.peerId);
  });

  it('a peer that resets its streams all the time does not stop a fetch', async () => {
    const { ours, hostile, honest, dataset } = await scene();
    await ours.connect(honest);
    const fetched = ours.exchange.fetchDataset(dataset);
    for (let i = 0; i < 20; i++) {
      const stream = await hostile.connection?.newStream('/codex/blockexc/1.0.0').catch(() => undefined);
      stream?.abort(new Error('reset'));
    }
    await fetched;
    expect(dataset.heldCount).toBe(40);
  });
});
