import {
  blockCid,
  buildTree,
  type DatasetRef,
  digestOf,
  EMPTY_BLOCK_CID,
  manifestCidOf,
  type Repository,
  sha256,
  treeCid,
  verifyRange,
} from '@codex/content';
import type { VirtualClock } from '@codex/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ASSEMBLIES_MAX } from '../src/limits.ts';
import { BLOCK, bytesOf, download, HOUR_MS, listed, makeDataset, readAll, upload } from './content.ts';

export interface ComplianceInit {
  readonly quotaBytes?: number;
  readonly blockTtlMs?: number;
}

export interface Subject {
  readonly repository: Repository & { start(): void | Promise<void>; stop(): Promise<void> };
  /** Lets work that a clock's tick began come to its end. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** What every repository does, whatever it keeps its bytes in. */
export function repositoryCompliance(
  name: string,
  setup: (clock: VirtualClock, init: ComplianceInit) => Promise<Subject>,
  makeClock: () => VirtualClock,
): void {
  describe(`${name} as a repository`, () => {
    let subject: Subject;
    let repository: Subject['repository'];
    let clock: VirtualClock;

    const use = async (init: ComplianceInit = {}) => {
      await subject?.close();
      clock = makeClock();
      subject = await setup(clock, init);
      repository = subject.repository;
    };
    beforeEach(() => use());
    afterEach(() => subject.close());

    /** Lets time pass, and the maintenance that falls into it come to its end each time. */
    const pass = async (ms: number) => {
      for (let left = ms; left > 0; left -= HOUR_MS / 4) {
        await clock.advance(HOUR_MS / 4);
        await subject.settle();
      }
    };
    const used = () => repository.usage().quotaUsedBytes;

    it('stores blocks by CID, once, and refuses what does not hash to it', async () => {
      const block = bytesOf(1, 5000);
      const cid = blockCid(sha256(block));
      expect(await repository.hasBlock(cid)).toBe(false);
      expect(await repository.getBlock(cid)).toBeUndefined();
      await Promise.all(Array.from({ length: 5 }, () => repository.putBlock(cid, block)));
      expect(Buffer.from((await repository.getBlock(cid))!)).toEqual(Buffer.from(block));
      expect(repository.usage()).toMatchObject({ totalBlocks: 1, quotaUsedBytes: 5000 });
      await expect(repository.putBlock(cid, bytesOf(2, 5000))).rejects.toMatchObject({ code: 'BLOCK_MISMATCH' });
      await expect(repository.putBlock(treeCid(sha256(block)) as never, block)).rejects.toMatchObject({
        code: 'CID_UNSUPPORTED',
      });
      expect(await repository.delete(cid)).toBe(true);
      expect(await repository.delete(cid)).toBe(false);
      expect(repository.usage()).toMatchObject({ totalBlocks: 0, quotaUsedBytes: 0 });
    });

    it('keeps its own copy of what it was given', async () => {
      const block = Buffer.from(bytesOf(32, 3000));
      const made = makeDataset(bytesOf(33, 3000));
      const bytes = Buffer.from(made.manifestBytes);
      await repository.putBlock(blockCid(sha256(block)), block);
      await repository.putBlock(made.manifestCid, bytes);
      const cid = blockCid(sha256(block));
      block.fill(0);
      bytes.fill(0);
      expect(Buffer.from((await repository.getBlock(cid))!).equals(bytesOf(32, 3000))).toBe(true);
      expect(Buffer.from((await repository.getBlock(made.manifestCid))!).equals(made.manifestBytes)).toBe(true);
    });

    it('treats the empty block as always there and never stored', async () => {
      await repository.putBlock(EMPTY_BLOCK_CID, new Uint8Array(0));
      expect(await repository.hasBlock(EMPTY_BLOCK_CID)).toBe(true);
      expect(await repository.getBlock(EMPTY_BLOCK_CID)).toEqual(new Uint8Array(0));
      expect(await repository.delete(EMPTY_BLOCK_CID)).toBe(false);
      expect(repository.usage().totalBlocks).toBe(0);
    });

    it('accounts padded blocks and manifests, each once (01 §7: 65592 bytes, 2 blocks)', async () => {
      const content = new TextEncoder().encode('some file contents');
      const cid = await upload(repository, content, { blockSize: 65536 });
      expect(cid.toString()).toBe(manifestCidOf(makeDataset(content, {}, 65536).manifestBytes).toString());
      expect(repository.usage()).toMatchObject({ totalBlocks: 2, quotaUsedBytes: 65592 });
      await upload(repository, content, { blockSize: 65536 });
      expect(repository.usage()).toMatchObject({ totalBlocks: 2, quotaUsedBytes: 65592 });
      await upload(repository, content, { blockSize: 65536, filename: 'example.txt', mimetype: 'text/plain' });
      expect(repository.usage()).toMatchObject({ totalBlocks: 3, quotaUsedBytes: 65592 + 81 });
    });

    it.each([1, BLOCK - 1, BLOCK, BLOCK + 1, 17 * BLOCK, 300 * BLOCK + 7])('keeps a dataset of %i bytes', async (n) => {
      const content = bytesOf(n, n);
      const made = makeDataset(content);
      const cid = await upload(repository, content);
      expect(cid.toString()).toBe(made.manifestCid.toString());
      expect(Buffer.from(await download(repository, cid)).equals(content)).toBe(true);
      const dataset = (await repository.findDataset(made.ref.treeCid))!;
      expect(dataset).toBe(await repository.openDataset(made.ref));
      expect(dataset.heldCount).toBe(made.ref.leafCount);
      expect([...dataset.held()]).toEqual([{ start: 0, count: made.ref.leafCount }]);
      expect([...dataset.missing()]).toEqual([]);
      const last = made.ref.leafCount - 1;
      expect(
        (await dataset.prove({ start: last, count: 1 })).siblings.map((s) => Buffer.from(s).toString('hex')),
      ).toEqual(made.prove(last, 1).siblings.map((s) => Buffer.from(s).toString('hex')));
    });

    it('keeps blocks that are zero at the end or throughout', async () => {
      const content = new Uint8Array(40 * BLOCK);
      content.set(bytesOf(3, 100), 5 * BLOCK);
      content[20 * BLOCK - 1] = 1;
      const cid = await upload(repository, content);
      expect(Buffer.from(await download(repository, cid)).equals(content)).toBe(true);
      const zeros = new Uint8Array(BLOCK);
      expect(await repository.getBlock(blockCid(sha256(zeros)))).toEqual(zeros);
    });

    it('lists manifests and tells listeners of new ones', async () => {
      const heard: string[] = [];
      const remove = repository.onManifest(({ cid }) => heard.push(cid.toString()));
      const first = await upload(repository, bytesOf(4, 3000));
      await upload(repository, bytesOf(4, 3000));
      remove();
      const second = await upload(repository, bytesOf(5, 3000));
      expect(heard).toEqual([first.toString()]);
      expect(await listed(repository)).toEqual([first.toString(), second.toString()].sort());
    });

    it('fills a dataset block by block, taking only what hashes to its proved leaf', async () => {
      const made = makeDataset(bytesOf(6, 100 * BLOCK));
      await repository.putBlock(made.manifestCid, made.manifestBytes);
      const dataset = await repository.openDataset(made.ref);
      expect(dataset.heldCount).toBe(0);
      expect(await repository.findDataset(made.ref.treeCid)).toBeUndefined();
      await expect(dataset.putLeaves(10, made.blocks.slice(10, 12))).rejects.toMatchObject({ code: 'LEAF_UNKNOWN' });
      const heard: unknown[] = [];
      dataset.onHeld((range) => heard.push(range));
      await dataset.learn(made.prove(10, 10));
      expect(await dataset.knows({ start: 10, count: 10 })).toBe(true);
      expect(await dataset.knows({ start: 30, count: 1 })).toBe(false);
      const blocks = made.blocks.slice(10, 20);
      blocks[3] = bytesOf(99, BLOCK);
      blocks[5] = new Uint8Array(0);
      expect(await dataset.putLeaves(10, blocks)).toEqual({ stored: 8, rejected: [13, 15] });
      expect(heard.length).toBeGreaterThan(0);
      expect([...dataset.held()]).toEqual([
        { start: 10, count: 3 },
        { start: 14, count: 1 },
        { start: 16, count: 4 },
      ]);
      expect([...dataset.missing({ start: 12, count: 5 })]).toEqual([
        { start: 13, count: 1 },
        { start: 15, count: 1 },
      ]);
      expect(await dataset.putLeaves(10, made.blocks.slice(10, 13))).toEqual({ stored: 0, rejected: [] });
      await dataset.putLeaves(13, [made.blocks[13]!]);
      const iterator = dataset.read({ start: 10, count: 10 })[Symbol.asyncIterator]();
      await expect(
        (async () => {
          for (;;) {
            const next = await iterator.next();
            if (next.done) return;
            next.value.release();
          }
        })(),
      ).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND', data: { index: 15 } });
      await dataset.flush();
      expect(used()).toBe(9 * BLOCK + made.manifestBytes.length);
      await expect(dataset.prove({ start: 50, count: 1 })).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
      expect((await dataset.prove({ start: 11, count: 3 })).digests).toEqual(made.prove(11, 3).digests);
    });

    it('refuses a proof of another tree and ranges outside', async () => {
      const one = makeDataset(bytesOf(7, 10 * BLOCK));
      const other = makeDataset(bytesOf(8, 10 * BLOCK));
      const dataset = await repository.openDataset(one.ref);
      await expect(dataset.learn(other.prove(0, 10))).rejects.toMatchObject({ code: 'DATASET_MISMATCH' });
      await expect(dataset.digests({ start: 5, count: 6 })).rejects.toMatchObject({ code: 'RANGE_INVALID' });
      await expect(dataset.putLeaves(-1, [])).rejects.toMatchObject({ code: 'RANGE_INVALID' });
    });

    it('holds leaves of the empty block without storing anything', async () => {
      const blocks = [bytesOf(9, BLOCK), new Uint8Array(0), bytesOf(10, BLOCK), new Uint8Array(0)];
      const leaves = Buffer.concat(blocks.map((block) => sha256(block)));
      const ref: DatasetRef = { treeCid: treeCid(buildTree(leaves).root), leafCount: 4, blockSize: BLOCK };
      const dataset = await repository.openDataset(ref);
      await dataset.learn(verifyRange(ref, 0, leaves, []));
      expect((await dataset.putLeaves(0, blocks)).rejected).toEqual([]);
      expect(dataset.heldCount).toBe(4);
      expect(used()).toBe(2 * BLOCK);
      for await (const batch of dataset.read({ start: 0, count: 4 })) {
        expect(batch.blocks.map((block) => block.length)).toEqual([BLOCK, 0, BLOCK, 0]);
        batch.release();
      }
    });

    it('never harms a dataset by deleting another that shares its blocks', async () => {
      const shared = bytesOf(11, 20 * BLOCK);
      const one = await upload(repository, shared);
      const both = Buffer.concat([shared, bytesOf(12, 10 * BLOCK), shared.subarray(0, 5 * BLOCK)]);
      const two = await upload(repository, both);
      expect(await repository.delete(one)).toBe(true);
      expect(await repository.delete(one)).toBe(false);
      expect(Buffer.from(await download(repository, two)).equals(both)).toBe(true);
      const block = blockCid(sha256(shared.subarray(0, BLOCK)));
      await expect(repository.delete(block)).rejects.toMatchObject({ code: 'BLOCK_IN_USE' });
      expect(await repository.delete(two)).toBe(true);
      expect(repository.usage()).toMatchObject({ totalBlocks: 0, quotaUsedBytes: 0 });
      expect(await repository.delete(block)).toBe(false);
    });

    it('keeps a tree as long as one manifest names it', async () => {
      const content = bytesOf(13, 10 * BLOCK);
      const one = await upload(repository, content, { filename: 'one' });
      const two = await upload(repository, content, { filename: 'two' });
      await repository.delete(one);
      expect(Buffer.from(await download(repository, two)).equals(content)).toBe(true);
      const dataset = await repository.openDataset(makeDataset(content).ref);
      await repository.delete(two);
      expect(dataset.heldCount).toBe(0);
      expect(used()).toBe(0);
    });

    it('keeps a block that was put on its own when its dataset goes', async () => {
      const content = bytesOf(14, 3 * BLOCK);
      const cid = await upload(repository, content);
      const block = content.subarray(0, BLOCK);
      await repository.putBlock(blockCid(sha256(block)), block);
      await repository.delete(cid);
      expect(repository.usage()).toMatchObject({ totalBlocks: 1, quotaUsedBytes: BLOCK });
      expect(await repository.delete(blockCid(sha256(block)))).toBe(true);
    });

    it('merges an upload with the part of it that was there', async () => {
      const made = makeDataset(bytesOf(15, 50 * BLOCK));
      const dataset = await repository.openDataset(made.ref);
      await dataset.learn(made.prove(0, 50));
      await dataset.putLeaves(20, made.blocks.slice(20, 30));
      const cid = await upload(repository, bytesOf(15, 50 * BLOCK));
      expect(dataset.heldCount).toBe(50);
      expect(await readAll(dataset, 50 * BLOCK)).toEqual(Buffer.from(bytesOf(15, 50 * BLOCK)));
      expect(used()).toBe(50 * BLOCK + made.manifestBytes.length);
      await repository.delete(cid);
      expect(repository.usage().totalBlocks).toBe(0);
    });

    it('leaves nothing behind of an upload that was aborted, is empty or is described wrongly', async () => {
      const aborted = repository.createDataset({ blockSize: BLOCK });
      await aborted.append(bytesOf(16, 40 * BLOCK));
      await aborted.abort();
      await aborted.abort();
      await expect(aborted.append(bytesOf(16, 1))).rejects.toMatchObject({ code: 'STORE_CLOSED' });
      const empty = repository.createDataset({ blockSize: BLOCK });
      await empty.append(new Uint8Array(0));
      await expect(empty.finish(() => makeDataset(bytesOf(1, 1)).manifest)).rejects.toMatchObject({
        code: 'EMPTY_DATASET',
      });
      const wrong = repository.createDataset({ blockSize: BLOCK });
      await wrong.append(bytesOf(17, 3 * BLOCK));
      await expect(wrong.finish(() => makeDataset(bytesOf(1, 1)).manifest)).rejects.toMatchObject({
        code: 'DATASET_MISMATCH',
      });
      expect(repository.usage()).toMatchObject({ totalBlocks: 0, quotaUsedBytes: 0 });
      expect(await listed(repository)).toEqual([]);
      expect(() => repository.createDataset({ blockSize: 0 })).toThrow();
    });

    it('refuses manifests that are none', async () => {
      const bytes = bytesOf(18, 80);
      const { manifestCid: cid } = { manifestCid: manifestCidOf(bytes) };
      await expect(repository.putBlock(cid, bytes)).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
      expect(repository.usage().totalBlocks).toBe(0);
    });

    it('fits what equals the quota, and leaves everything as it was when it does not fit', async () => {
      await use({ quotaBytes: 200 });
      const block = bytesOf(19, 200);
      await repository.putBlock(blockCid(sha256(block)), block);
      const one = bytesOf(20, 1);
      await expect(repository.putBlock(blockCid(sha256(one)), one)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect(repository.usage()).toMatchObject({ totalBlocks: 1, quotaUsedBytes: 200 });

      const size = 20 * BLOCK + makeDataset(bytesOf(21, 20 * BLOCK)).manifestBytes.length;
      await use({ quotaBytes: size });
      await upload(repository, bytesOf(21, 20 * BLOCK));
      expect(used()).toBe(size);
      await upload(repository, bytesOf(21, 20 * BLOCK));
      await expect(upload(repository, bytesOf(22, 20 * BLOCK))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect(used()).toBe(size);
      expect(await repository.hasBlock(blockCid(sha256(bytesOf(22, 20 * BLOCK).subarray(0, BLOCK))))).toBe(false);

      await use({ quotaBytes: size - 1 });
      await expect(upload(repository, bytesOf(21, 20 * BLOCK))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect(repository.usage()).toMatchObject({ totalBlocks: 0, quotaUsedBytes: 0 });
    });

    it('counts reserved bytes against the quota', async () => {
      await use({ quotaBytes: 1000 });
      await repository.reserve(900);
      await expect(repository.reserve(101)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      const block = bytesOf(23, 101);
      await expect(repository.putBlock(blockCid(sha256(block)), block)).rejects.toMatchObject({
        code: 'QUOTA_EXCEEDED',
      });
      await expect(repository.release(901)).rejects.toMatchObject({ code: 'RESERVATION_UNDERFLOW' });
      await repository.release(1);
      await repository.putBlock(blockCid(sha256(block)), block);
      expect(repository.usage()).toMatchObject({ quotaUsedBytes: 101, quotaReservedBytes: 899 });
      await expect(repository.reserve(-1)).rejects.toMatchObject({ code: 'RANGE_INVALID' });
    });

    it('deletes what expired, whole, and nothing else', async () => {
      await use({ blockTtlMs: HOUR_MS });
      const shared = bytesOf(24, 8 * BLOCK);
      const short = await upload(repository, shared);
      const long = await upload(repository, Buffer.concat([shared, bytesOf(25, 4 * BLOCK)]), {
        expiry: clock.now() + 10 * HOUR_MS,
      });
      const lone = bytesOf(26, 500);
      await repository.putBlock(blockCid(sha256(lone)), lone);
      const raised = bytesOf(27, 500);
      await repository.putBlock(blockCid(sha256(raised)), raised);
      await repository.ensureExpiry(blockCid(sha256(raised)), clock.now() + 5 * HOUR_MS);
      await repository.start();
      await pass(HOUR_MS / 2);
      expect(await listed(repository)).toHaveLength(2);
      await pass(HOUR_MS);
      expect(await repository.hasBlock(short)).toBe(false);
      expect(await repository.hasBlock(blockCid(sha256(lone)))).toBe(false);
      expect(await repository.hasBlock(blockCid(sha256(raised)))).toBe(true);
      expect((await download(repository, long)).length).toBe(12 * BLOCK);
      await pass(11 * HOUR_MS);
      expect(repository.usage()).toMatchObject({ totalBlocks: 0, quotaUsedBytes: 0 });
    });

    it('raises expiries, never lowers them, and knows no end with a TTL of 0', async () => {
      await use({ blockTtlMs: 0 });
      const content = bytesOf(28, 3 * BLOCK);
      const cid = await upload(repository, content, { expiry: 5000 });
      const expiryOf = async () => {
        for await (const stored of repository.manifests()) return stored.expiry;
        return undefined;
      };
      await repository.ensureExpiry(cid, 9000);
      await repository.ensureExpiry(cid, 100);
      expect(await expiryOf()).toBe(9000);
      await repository.ensureExpiry(makeDataset(content).ref.treeCid, 12_000);
      expect(await expiryOf()).toBe(12_000);
      await upload(repository, content);
      expect(await expiryOf()).toBe(Number.POSITIVE_INFINITY);
      await expect(repository.ensureExpiry(cid, 0)).rejects.toMatchObject({ code: 'EXPIRY_INVALID' });
      const unknown = blockCid(sha256(bytesOf(29, 10)));
      await expect(repository.ensureExpiry(unknown, 10)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
    });

    it('drops the original tree with the last manifest that was made from it', async () => {
      const original = makeDataset(bytesOf(30, 2 * BLOCK));
      const encoded = bytesOf(31, 4 * BLOCK);
      const dataset = await repository.openDataset(original.ref);
      await dataset.learn(original.prove(0, 2));
      await dataset.putLeaves(0, original.blocks);
      const cid = await upload(repository, encoded, {
        protection: {
          ecK: 2,
          ecM: 2,
          originalTreeCid: original.ref.treeCid,
          originalDatasetSize: 2 * BLOCK,
          strategy: 1,
        },
      });
      expect(repository.usage().totalBlocks).toBe(7);
      await repository.delete(cid);
      expect(repository.usage().totalBlocks).toBe(0);
      expect(digestOf(original.ref.treeCid)).toHaveLength(32);
    });

    describe('an assembly', () => {
      const COUNT = 150;
      const made = () => makeDataset(bytesOf(40, COUNT * BLOCK));
      const shape = { blockSize: BLOCK, leafCount: COUNT };

      it('becomes a dataset from leaves in any order, and answers for nothing before', async () => {
        const { ref, blocks, manifest, manifestCid } = made();
        const assembly = await repository.assembleDataset('one', shape);
        await assembly.putLeaves(70, blocks.slice(70));
        expect([...assembly.missing()]).toEqual([{ start: 0, count: 70 }]);
        expect(await repository.findDataset(ref.treeCid)).toBeUndefined();
        await expect(assembly.finish(() => manifest)).rejects.toMatchObject({
          code: 'BLOCK_NOT_FOUND',
          data: { index: 0 },
        });
        await assembly.putLeaves(0, blocks.slice(0, 72));
        expect(assembly.heldCount).toBe(COUNT);
        const cid = await assembly.finish(({ treeCid, leafCount }) => {
          expect(leafCount).toBe(COUNT);
          return { ...manifest, treeCid };
        });
        expect(cid.toString()).toBe(manifestCid.toString());
        expect(Buffer.from(await download(repository, cid)).equals(bytesOf(40, COUNT * BLOCK))).toBe(true);
        const dataset = (await repository.findDataset(ref.treeCid))!;
        expect((await dataset.prove({ start: 3, count: 90 })).digests).toEqual(made().prove(3, 90).digests);
        await expect(assembly.putLeaves(0, [])).rejects.toMatchObject({ code: 'STORE_CLOSED' });
        await assembly.abort();
        await assembly.close();
        await repository.delete(cid);
        expect(repository.usage().totalBlocks).toBe(0);
      });

      it('refers to blocks that are in the store, and to the empty one', async () => {
        const { ref, blocks } = made();
        const source = await upload(repository, bytesOf(40, COUNT * BLOCK));
        const before = used();
        const dataset = await repository.openDataset(ref);
        const assembly = await repository.assembleDataset('refer', { blockSize: BLOCK, leafCount: COUNT + 3 });
        await assembly.refer(0, await dataset.digests({ start: 0, count: COUNT }));
        await assembly.refer(COUNT, sha256(new Uint8Array(0)));
        await assembly.putLeaves(COUNT + 1, [blocks[0]!]);
        await expect(assembly.refer(COUNT + 2, sha256(bytesOf(1, 1)))).rejects.toMatchObject({
          code: 'BLOCK_NOT_FOUND',
          data: { index: COUNT + 2 },
        });
        expect(used()).toBe(before);
        await assembly.putLeaves(COUNT + 2, [bytesOf(41, BLOCK)]);
        const cid = await assembly.finish(({ treeCid }) => ({
          treeCid,
          blockSize: BLOCK,
          datasetSize: (COUNT + 3) * BLOCK,
        }));
        await repository.delete(source);
        const bytes = await download(repository, cid);
        const expected = [...blocks, new Uint8Array(BLOCK), blocks[0]!, bytesOf(41, BLOCK)];
        expect(Buffer.from(bytes).equals(Buffer.concat(expected))).toBe(true);
        await repository.delete(cid);
        expect(repository.usage().totalBlocks).toBe(0);
      });

      it('is found again under its key, by one at a time, and forgotten when it is given up', async () => {
        const { blocks, manifest } = made();
        const first = await repository.assembleDataset('kept', shape);
        await first.putLeaves(10, blocks.slice(10, 100));
        await expect(repository.assembleDataset('kept', shape)).rejects.toMatchObject({ code: 'ASSEMBLY_BUSY' });
        await first.close();
        await expect(first.refer(0, new Uint8Array(32))).rejects.toMatchObject({ code: 'STORE_CLOSED' });
        await expect(repository.assembleDataset('kept', { ...shape, leafCount: 1 })).rejects.toMatchObject({
          code: 'DATASET_MISMATCH',
        });
        expect(used()).toBe(90 * BLOCK);
        const second = await repository.assembleDataset('kept', shape);
        expect([...second.held()]).toEqual([{ start: 10, count: 90 }]);
        expect(Buffer.from(await second.digests({ start: 20, count: 1 })).equals(sha256(blocks[20]!))).toBe(true);
        await expect(second.digests({ start: 99, count: 2 })).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
        await second.abort();
        expect(used()).toBe(0);
        const third = await repository.assembleDataset('kept', shape);
        expect(third.heldCount).toBe(0);
        await third.putLeaves(0, blocks);
        await expect(third.finish(() => ({ ...manifest, datasetSize: 5 }))).rejects.toMatchObject({
          code: 'DATASET_MISMATCH',
        });
        expect(third.heldCount).toBe(COUNT);
        await third.abort();
        expect(repository.usage().totalBlocks).toBe(0);
      });

      it('becomes the tree of a known root only, over what was held of it', async () => {
        const { ref, blocks, manifestBytes, manifestCid, prove } = made();
        await repository.putBlock(manifestCid, manifestBytes);
        const dataset = await repository.openDataset(ref);
        await dataset.learn(prove(0, 60));
        await dataset.putLeaves(0, blocks.slice(0, 60));
        const assembly = await repository.assembleDataset('become', shape);
        await assembly.putLeaves(0, blocks.slice(0, COUNT - 1));
        await assembly.putLeaves(COUNT - 1, [blocks[0]!]);
        await expect(assembly.become(ref)).rejects.toMatchObject({ code: 'DATASET_MISMATCH' });
        await assembly.abort();
        expect(dataset.heldCount).toBe(60);
        const again = await repository.assembleDataset('become', shape);
        await again.putLeaves(0, blocks);
        const heard: unknown[] = [];
        dataset.onHeld((range) => heard.push(range));
        expect(await again.become(ref)).toBe(dataset);
        expect(dataset.heldCount).toBe(COUNT);
        expect(heard.length).toBeGreaterThan(0);
        expect(used()).toBe(COUNT * BLOCK + manifestBytes.length);
        await repository.delete(manifestCid);
        expect(repository.usage().totalBlocks).toBe(0);
      });

      it('is read as it is, and refuses blocks that are too long or do not fit the quota', async () => {
        await use({ quotaBytes: 20 * BLOCK });
        const { blocks } = made();
        const assembly = await repository.assembleDataset('read', shape);
        await assembly.putLeaves(5, [...blocks.slice(5, 20), bytesOf(42, 100)]);
        const target = new Uint8Array(new SharedArrayBuffer(18 * BLOCK)).fill(7);
        expect(await assembly.readInto({ start: 4, count: 18 }, target)).toEqual([4, 21]);
        const expected = Buffer.concat([...blocks.slice(5, 20), bytesOf(42, 100), new Uint8Array(BLOCK - 100)]);
        expect(Buffer.from(target.subarray(BLOCK, 17 * BLOCK)).equals(expected)).toBe(true);
        const read: Uint8Array[] = [];
        for await (const batch of assembly.read({ start: 5, count: 16 })) {
          read.push(...batch.blocks.map((block) => new Uint8Array(block)));
          batch.release();
        }
        expect(Buffer.concat(read).equals(expected.subarray(0, 15 * BLOCK + 100))).toBe(true);
        await expect(assembly.putLeaves(0, [bytesOf(1, BLOCK + 1)])).rejects.toMatchObject({
          code: 'BLOCK_SIZE_INVALID',
        });
        await expect(assembly.putLeaves(30, blocks.slice(30, 40))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
        expect(used()).toBeLessThanOrEqual(20 * BLOCK);
        await expect(assembly.refer(COUNT, new Uint8Array(32))).rejects.toMatchObject({ code: 'RANGE_INVALID' });
        await assembly.abort();
        expect(used()).toBe(0);
      });

      it('takes the place of the longest untouched one when there are too many', async () => {
        for (let i = 0; i <= ASSEMBLIES_MAX; i++) {
          const assembly = await repository.assembleDataset(`key ${i}`, { blockSize: BLOCK, leafCount: 1 });
          await assembly.putLeaves(0, [bytesOf(i, 100)]);
          await assembly.close();
        }
        await subject.settle();
        expect(repository.usage().totalBlocks).toBe(ASSEMBLIES_MAX);
      });

      it('is dropped when nobody touched it for three days', async () => {
        const { blocks } = made();
        await repository.start();
        const old = await repository.assembleDataset('old', shape);
        await old.putLeaves(0, blocks.slice(0, 10));
        const open = await repository.assembleDataset('open', shape);
        await open.putLeaves(50, blocks.slice(50, 55));
        await old.close();
        await pass(80 * HOUR_MS);
        expect(used()).toBe(5 * BLOCK);
        await open.abort();
      });
    });

    it('holds leaves whose blocks came from elsewhere, and reads into memory of the caller', async () => {
      const made = makeDataset(bytesOf(43, 100 * BLOCK));
      await repository.putBlock(made.manifestCid, made.manifestBytes);
      const dataset = await repository.openDataset(made.ref);
      expect(dataset.node(0, 0)).toBeUndefined();
      await dataset.learn(made.prove(0, 90));
      expect(Buffer.from(dataset.node(0, 3)!)).toEqual(Buffer.from(sha256(made.blocks[3]!)));
      await upload(repository, Buffer.concat([bytesOf(44, BLOCK), ...made.blocks.slice(10, 20), made.blocks[95]!]));
      const before = used();
      expect(await dataset.holdStored({ start: 0, count: 100 })).toBe(10);
      expect(await dataset.holdStored({ start: 0, count: 100 })).toBe(0);
      expect([...dataset.held()]).toEqual([{ start: 10, count: 10 }]);
      expect(used()).toBe(before);
      const target = new Uint8Array(12 * BLOCK);
      expect(await dataset.readInto({ start: 9, count: 12 }, target)).toEqual([9, 20]);
      expect(Buffer.from(target.subarray(BLOCK, 11 * BLOCK)).equals(Buffer.concat(made.blocks.slice(10, 20)))).toBe(
        true,
      );
    });
  });
}
