import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Network, startNetwork } from '../src/index.ts';
import { type Answer, type Ask, ask } from './http.ts';

/**
 * What clients do wrong, against real nodes. The nodes are the same throughout: each test ends by showing that nothing
 * was left behind, so that the next begins as the first did.
 */
const MIB = 1024 * 1024;
const QUOTA_BYTES = 8 * MIB;
const FETCH_TIMEOUT_S = 1;
/** The example of the specification (01 §7); nobody has it here. */
const UNKNOWN = 'zDvZRwzm1ePSzKSXt57D5YxHwcSDmsCyYN65wW4HT7fuX9HrzFXy';
const BLOCK_CID = 'zDxWB8ED98hxJ51XwYaoQAwMdskCcmTaPR6Ce2wq88bjvjXRYuR9';
const TREE_CID = 'zDzSvJTezk7bJNQqFq8k1iHXY84psNuUfZVusA5bBQQUSuyzDSVL';
/** A CID of raw bytes, as IPFS has them. */
const RAW_CID = 'bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e';
const EMPTY = { totalBlocks: 0, quotaUsedBytes: 0, quotaReservedBytes: 0 };

let network: Network;
beforeAll(async () => {
  network = await startNetwork({
    nodes: 2,
    args: [`--storage-quota=${QUOTA_BYTES}`, `--fetch-timeout=${FETCH_TIMEOUT_S}s`],
  });
});
afterAll(() => network?.stop());
afterEach(async () => {
  // A failed test does not take the others with it.
  for (const node of network.nodes) for (const { cid } of await node.rest.list()) await node.rest.remove(cid);
});

const first = () => network.nodes[0]!;
const to = (request: Ask): Promise<Answer> => ask(first().url, request);
const post = (body: Uint8Array | string, headers = {}) => to({ method: 'POST', path: '/data', body, headers });
const remove = (cid: string) => to({ method: 'DELETE', path: `/data/${cid}` });
const space = async () => JSON.parse((await to({ path: '/space' })).body.toString());
const expectNothingLeft = async () => {
  await expect.poll(space, { timeout: 5_000 }).toMatchObject(EMPTY);
  expect(await first().rest.list()).toEqual([]);
};

/** A connection on which a request is written by hand. */
async function dial(text: string): Promise<Socket> {
  const socket = connect(first().apiPort, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text.replaceAll('\n', '\r\n'));
  return socket;
}

describe('a CID that leads nowhere', () => {
  const routes = ['/data/CID', '/data/CID/network/stream', '/data/CID/network/manifest'];

  it('unknown: 404 locally at once, 404 or 504 from the network at the configured deadline', async () => {
    expect((await to({ path: `/data/${UNKNOWN}` })).status).toBe(404);
    expect((await to({ path: `/data/${UNKNOWN}/exists` })).body.toString()).toBe(`{"${UNKNOWN}":false}`);
    const began = performance.now();
    const fetches = ['/network/stream', '/network/manifest'].map((route) => to({ path: `/data/${UNKNOWN}${route}` }));
    fetches.push(to({ method: 'POST', path: `/data/${UNKNOWN}/network` }));
    for (const { status } of await Promise.all(fetches)) expect([404, 504]).toContain(status);
    const seconds = (performance.now() - began) / 1000;
    expect(seconds).toBeGreaterThan(FETCH_TIMEOUT_S - 0.5);
    expect(seconds).toBeLessThan(FETCH_TIMEOUT_S + 3);
    expect((await remove(UNKNOWN)).status).toBe(204);
    await expectNothingLeft();
  });

  it.each([
    ['no multibase', 'hello'],
    ['a letter that base58 lacks', `${UNKNOWN.slice(0, -1)}0`],
    ['cut short', UNKNOWN.slice(0, 20)],
    ['far too long', `z${'1'.repeat(3000)}`],
    ['zero bytes', '%00%00'],
  ])('malformed (%s): 400 on every route', async (_, cid) => {
    for (const route of routes) expect((await to({ path: route.replace('CID', cid) })).status, route).toBe(400);
    expect((await remove(cid)).status).toBe(400);
    expect((await to({ method: 'POST', path: `/data/${cid}/network` })).status).toBe(400);
  });

  it.each([
    ['of a block', BLOCK_CID],
    ['of a tree', TREE_CID],
    ['of raw bytes', RAW_CID],
  ])('wrong codec (%s): refused at once, without asking the network', async (_, cid) => {
    const began = performance.now();
    for (const route of routes) {
      const { status } = await to({ path: route.replace('CID', cid) });
      expect([400, 404], `${route}: ${status}`).toContain(status);
    }
    expect(performance.now() - began).toBeLessThan(FETCH_TIMEOUT_S * 1000);
  });
});

describe('an upload that cannot be kept', () => {
  it('zero bytes: 422, with a length and in chunks', async () => {
    expect((await post('')).status).toBe(422);
    expect((await post('', { 'Transfer-Encoding': 'chunked' })).status).toBe(422);
    await expectNothingLeft();
  });

  it.each([
    ['a type without a subtype', { 'Content-Type': 'text' }],
    ['a type that is no word', { 'Content-Type': '../etc/passwd' }],
    ['a type of parts', { 'Content-Type': 'multipart/form-data; boundary=x' }],
    ['an empty name', { 'Content-Disposition': 'attachment; filename=""' }],
    ['a name with a colon', { 'Content-Disposition': 'attachment; filename="a:b"' }],
    ['a name of 5000 letters', { 'Content-Disposition': `attachment; filename="${'x'.repeat(5000)}"` }],
  ])('%s: 422 with a reason', async (_, headers) => {
    const { status, body } = await post(randomBytes(100_000), headers);
    expect(status).toBe(422);
    expect(body.toString()).toMatch(/MIME type|filename/);
    await expectNothingLeft();
  });

  it('a name with folders is kept, as the reference does, but no download shows it as a path', async () => {
    const cid = (await post('x', { 'Content-Disposition': 'attachment; filename="../../etc/passwd"' })).body.toString();
    const { headers, status } = await to({ path: `/data/${cid}` });
    expect(status).toBe(200);
    expect(headers['content-disposition']).toContain('passwd');
    expect(headers['content-disposition']).not.toMatch(/[/\\\\]|%2f|%5c/i);
  });

  it('larger than the quota: 507 in the middle, and nothing stays', async () => {
    const small = randomBytes(3 * MIB);
    const kept = (await post(small)).body.toString();
    const before = await space();
    const { status, body } = await post(randomBytes(16 * MIB));
    expect([status, body.toString()]).toEqual([507, expect.stringContaining('quota')]);
    const chunked = await post(randomBytes(16 * MIB), { 'Transfer-Encoding': 'chunked' });
    expect(chunked.status).toBe(507);
    await expect.poll(space, { timeout: 5_000 }).toEqual(before);
    expect((await to({ path: `/data/${kept}` })).body.equals(small)).toBe(true);
    await remove(kept);
    await expectNothingLeft();
    expect((await post(randomBytes(6 * MIB))).status).toBe(200);
    for (const { cid } of await first().rest.list()) await remove(cid);
    await expectNothingLeft();
  });

  it('many at once that fit one by one but not together: those acknowledged are whole, the others leave nothing', async () => {
    const bodies = [1, 2, 3, 4].map(() => randomBytes(3 * MIB));
    const answers = await Promise.all(bodies.map((body) => post(body)));
    const cids = answers.filter(({ status }) => status === 200).map(({ body }) => body.toString());
    expect(answers.map(({ status }) => status).filter((status) => status !== 200 && status !== 507)).toEqual([]);
    expect(cids.length).toBeLessThanOrEqual(2);
    for (const [i, { status, body }] of answers.entries()) {
      if (status !== 200) continue;
      expect((await to({ path: `/data/${body.toString()}` })).body.equals(bodies[i]!)).toBe(true);
    }
    expect((await first().rest.list()).map(({ cid }) => cid).sort()).toEqual(cids.sort());
    for (const cid of cids) await remove(cid);
    await expectNothingLeft();
  });
});

describe('a client that goes away', () => {
  it.each([
    ['closes', (socket: Socket) => socket.end()],
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ])('in the middle of an upload (%s): nothing is kept, and the next upload is whole', async (_, leave) => {
    const body = randomBytes(2 * MIB);
    const sockets = await Promise.all(
      [1, 2, 3].map(() => dial(`POST /api/codex/v1/data HTTP/1.1\nHost: x\nContent-Length: ${4 * MIB}\n\n`)),
    );
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.write(body, resolve))));
    for (const socket of sockets) leave(socket);
    await expectNothingLeft();
    const cid = (await post(body)).body.toString();
    expect((await to({ path: `/data/${cid}` })).body.equals(body)).toBe(true);
    await remove(cid);
    await expectNothingLeft();
  });

  it('in the middle of downloads: the next one is whole', async () => {
    const body = randomBytes(6 * MIB);
    const cid = (await post(body)).body.toString();
    for (let i = 0; i < 10; i++) {
      const socket = await dial(`GET /api/codex/v1/data/${cid} HTTP/1.1\nHost: x\n\n`);
      await once(socket, 'data');
      socket.resetAndDestroy();
    }
    expect((await to({ path: `/data/${cid}` })).body.equals(body)).toBe(true);
    // The second node fetches, loses its client, and starts again.
    const other = network.nodes[1]!;
    const socket = connect(other.apiPort, '127.0.0.1');
    socket.write(`GET /api/codex/v1/data/${cid}/network/stream HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, 'data');
    socket.destroy();
    expect((await ask(other.url, { path: `/data/${cid}/network/stream` })).body.equals(body)).toBe(true);
    await other.rest.remove(cid);
    await remove(cid);
    await expectNothingLeft();
  });
});
