import { datasetRef, decodeManifest, type ManifestCid, parseCid } from '@codex/content';
import { Exchange, type ExchangeInit, Libp2pNetwork } from '@codex/exchange';
import { seededRandom } from '@codex/runtime';
import { MemoryRepository } from '@codex/store';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EMPTY_NODE, eventually, startApi } from './harness.ts';

/** A node with a repository in memory and everything else real. */
async function startNode(seed: number, init: ExchangeInit = {}) {
  const repository = new MemoryRepository();
  const network = await Libp2pNetwork.create({
    privateKey: new Uint8Array(32).fill(seed),
    listenAddrs: ['/ip4/127.0.0.1/tcp/0'],
    maxPeers: 10,
    agentVersion: 'test',
  });
  const exchange = new Exchange({ network, repository }, { findDeadlineMs: 1000, ...init });
  await network.start();
  await exchange.start();
  onTestFinished(async () => {
    await exchange.stop();
    await network.stop();
  });
  const node = { ...EMPTY_NODE, peerId: network.peerId };
  return startApi({ repository, network, fetcher: exchange, node });
}

const OLD: ExchangeInit = { rangesProtocol: false, findDeadlineMs: 20_000 };

describe('two nodes over libp2p', () => {
  it('pass a file on, whole, in parts and in the background', async () => {
    const [a, b] = [await startNode(1), await startNode(2)];
    const { id, addrs } = JSON.parse((await a.ask('GET', '/debug/info')).text) as { id: string; addrs: string[] };
    expect((await b.ask('GET', `/connect/${id}?addrs=${addrs[0]}`)).status).toBe(200);

    const first = Buffer.from(seededRandom(1).bytes(5_000_001));
    const headers = { 'content-type': 'video/mp4', 'content-disposition': 'attachment; filename="film.mp4"' };
    const { text: cid } = await a.ask('POST', '/data', { headers, body: first });
    const range = 'bytes=3000000-3099999';
    const part = await b.ask('GET', `/data/${cid}/network/stream`, { headers: { range } });
    expect(part.body.equals(first.subarray(3_000_000, 3_100_000))).toBe(true);
    expect((await b.ask('GET', `/data/${cid}`)).status).toBe(404);
    const whole = await b.ask('GET', `/data/${cid}/network/stream`);
    expect([whole.headers['content-type'], whole.headers['content-disposition']]).toEqual([
      'video/mp4',
      'attachment; filename="film.mp4"',
    ]);
    expect(whole.body.equals(first)).toBe(true);
    expect((await b.ask('GET', `/data/${cid}`)).body.equals(first)).toBe(true);

    const second = Buffer.from(seededRandom(2).bytes(300_000));
    const { text: other } = await a.ask('POST', '/data', { body: second });
    expect((await b.ask('POST', `/data/${other}/network`)).status).toBe(200);
    await eventually(async () => (await b.ask('GET', `/data/${other}`)).status).toBe(200);
    expect((await b.ask('GET', `/data/${other}`)).body.equals(second)).toBe(true);
  });

  it('restore what a peer of protocol 1.0.0 lost', async () => {
    const [whole, lossy, reader] = [await startNode(4), await startNode(5, OLD), await startNode(6, OLD)];
    const content = Buffer.from(seededRandom(3).bytes(40 * 65_536 - 9));
    const { text: plain } = await whole.ask('POST', '/data', { body: content });
    const body = JSON.stringify({ data: 4, parity: 2 });
    const { cid } = JSON.parse((await whole.ask('POST', `/data/${plain}/protect`, { body })).text);
    const manifest = decodeManifest((await whole.repository.getBlock(parseCid(cid) as ManifestCid))!);
    await lossy.repository.putBlock(parseCid(cid), (await whole.repository.getBlock(parseCid(cid)))!);
    const [from, to] = await Promise.all(
      [whole, lossy].map(({ repository }) => repository.openDataset(datasetRef(manifest))),
    );
    const steps = to!.ref.leafCount / 6;
    for (const row of [0, 2, 4, 5]) {
      const range = { start: row * steps, count: steps };
      await to!.learn(await from!.prove(range));
      for await (const batch of from!.read(range)) {
        await to!.putLeaves(batch.start, batch.blocks);
        batch.release();
      }
    }
    const { id, addrs } = JSON.parse((await lossy.ask('GET', '/debug/info')).text) as { id: string; addrs: string[] };
    await reader.ask('GET', `/connect/${id}?addrs=${addrs[0]}`);
    const answer = await reader.ask('GET', `/data/${cid}/network/stream`);
    expect([answer.status, answer.body.equals(content)]).toEqual([200, true]);
  });

  it('say 404 for what neither has', async () => {
    const { ask } = await startNode(3);
    const unknown = 'zDvZRwzm1ePSzKSXt57D5YxHwcSDmsCyYN65wW4HT7fuX9HrzFXy';
    expect((await ask('GET', `/data/${unknown}/network/stream`)).status).toBe(404);
  });
});
