/** The published client for JavaScript, `@codex-storage/sdk-js` 0.1.3, against our node (06 §8). */
import { Readable } from 'node:stream';
import { Codex } from '@codex-storage/sdk-js';
import { NodeUploadStrategy } from '@codex-storage/sdk-js/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNodes, vectorContent } from './node.ts';
import { ok } from './result.ts';

describe('the published SDK', () => {
  const nodes = useNodes(2);
  const clients: Codex[] = [];
  const client = (index: number) => clients[index]!;
  beforeAll(() => {
    clients.push(new Codex(nodes.node(0).url), new Codex(nodes.node(1).url));
  });

  const content = vectorContent('sdk', 200_000);
  const upload = async (
    body: Buffer | string | Readable = content,
    metadata?: { filename?: string; mimetype?: string },
  ) => ok(await client(0).data.upload(new NodeUploadStrategy(body, metadata)).result);

  it.each([
    ['a buffer', () => content],
    ['a stream', () => Readable.from([content.subarray(0, 70_000), content.subarray(70_000)])],
  ])('uploads %s and downloads it again', async (_, body) => {
    const cid = await upload(body());
    expect(cid).toMatch(/^zDv[1-9A-HJ-NP-Za-km-z]+$/);
    const response = ok(await client(0).data.localDownload(cid));
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
  });

  it('lists what is stored, with its manifest', async () => {
    const cid = await upload('listed', { filename: 'listed.txt', mimetype: 'text/plain' });
    const { content: list } = ok(await client(0).data.cids());
    expect(list.find((item) => item.cid === cid)?.manifest).toMatchObject({
      datasetSize: 6,
      blockSize: 65536,
      filename: 'listed.txt',
      mimetype: 'text/plain',
      protected: false,
    });
  });

  it('says how much space is used', async () => {
    const before = ok(await client(0).data.space());
    await upload(vectorContent('space', 65_536 * 2));
    const after = ok(await client(0).data.space());
    // Two blocks of data and a manifest.
    expect(Number(after.totalBlocks) - Number(before.totalBlocks)).toBe(3);
    expect(Number(after.quotaUsedBytes) - Number(before.quotaUsedBytes)).toBeGreaterThan(65_536 * 2);
    expect(Number(after.quotaMaxBytes)).toBeGreaterThan(0);
    expect(Number(after.quotaReservedBytes)).toBe(0);
  });

  it('fetches a manifest, then a dataset in the background, then streams it from the other node', async () => {
    const bytes = vectorContent('network', 300_000);
    const cid = await upload(bytes, { filename: 'n.bin' });
    const manifest = ok(await client(1).data.fetchManifest(cid));
    expect(manifest).toMatchObject({ cid, manifest: { datasetSize: 300_000, filename: 'n.bin' } });
    expect(ok(await client(1).data.networkDownload(cid))).toMatchObject({ cid });
    const response = ok(await client(1).data.networkDownloadStream(cid));
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="n.bin"');
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('deletes, twice without complaint', async () => {
    const cid = await upload('to be deleted');
    ok(await client(0).data.delete(cid));
    ok(await client(0).data.delete(cid));
    const gone = await client(0).data.localDownload(cid);
    expect(gone.error && gone.data.code).toBe(404);
  });

  it('gets errors as text and code', async () => {
    const bad = await client(0).data.localDownload('nonsense');
    expect(bad.error && [bad.data.code, bad.data.message]).toEqual([400, 'Incorrect Cid']);
    const name = await client(0).data.upload(new NodeUploadStrategy('x', { filename: 'exam*ple.txt' })).result;
    expect(name.error && name.data.code).toBe(422);
    expect(name.error && name.data.message).toContain('The filename is not valid.');
  });

  it('breaks an upload off and leaves nothing behind', async () => {
    const before = ok(await client(0).data.cids()).content.length;
    let aborted = () => {};
    const endless = new Readable({
      read() {
        this.push(content);
        aborted();
      },
    });
    const running = client(0).data.upload(new NodeUploadStrategy(endless));
    aborted = () => setImmediate(running.abort);
    await expect(running.result).rejects.toThrow();
    expect(ok(await client(0).data.cids()).content.length).toBe(before);
  });

  it('connects a peer', async () => {
    const other = nodes.node(1);
    expect(ok(await client(0).node.connect(other.peerId, other.addrs))).toBe('Successfully connected to peer');
    const failed = await client(0).node.connect('nonsense');
    expect(failed.error && failed.data.code).toBe(400);
  });

  it('reads the record and the peer id, both through paths of the SDK', async () => {
    // Text mode asks with a Content-Type header, so what comes is JSON all the same (06 §8).
    const spr = ok(await client(0).node.spr());
    expect(spr).toMatchObject({ spr: expect.stringMatching(/^spr:/) });
    const id = ok(await client(0).node.peerId());
    expect(id).toEqual({ id: nodes.node(0).peerId });
  });

  it('reads the debug information and sets log levels', async () => {
    const info = ok(await client(0).debug.info());
    expect(info).toMatchObject({ id: nodes.node(0).peerId, addrs: [expect.stringContaining('/tcp/')] });
    expect(info.table.localNode.peerId).toBe(nodes.node(0).peerId);
    expect(info.codex.version).toBeTruthy();
    for (const level of ['DEBUG', 'INFO'] as const) expect(ok(await client(0).debug.setLogLevel(level))).toBe('');
  });

  it('is told that the marketplace is off', async () => {
    const slots = await client(0).marketplace.activeSlots();
    expect(slots.error && [slots.data.code, slots.data.message]).toEqual([503, 'Persistence is not enabled']);
    const offer = await client(0).marketplace.createAvailability({
      totalSize: 1,
      duration: 1,
      minPricePerBytePerSecond: 1,
      totalCollateral: 1,
    });
    expect(offer.error && offer.data.code).toBe(503);
  });
});
