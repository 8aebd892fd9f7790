import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { type NetworkNode, startNetwork } from '../src/index.ts';
import { HostilePeer } from './hostile-peer.ts';
import { ask } from './http.ts';
import { rssBytes } from './memory.ts';

const MIB = 1024 * 1024;
const LISTS = process.env.SOAK === 'short' ? 300 : 1_000;
const WANTS_PER_LIST = 1_000;
/** Above what the node has before; a liar may not make it hold more. */
const GROWTH_MAX_BYTES = 160 * MIB;
/** An answer while the flood comes in, on a machine that has other work too. */
const SLOWEST_MAX_MS = 3_000;

it(`${LISTS} want-lists of ${WANTS_PER_LIST} blocks: bounded memory, and the node answers all the while`, async () => {
  await using network = await startNetwork({ nodes: 2 });
  const [ours, honest] = network.nodes as [NetworkNode, NetworkNode];
  using peer = await HostilePeer.start();
  await ours.rest.connect(peer.peerId, peer.addrs);
  const before = rssBytes(ours.pid);
  let over = false;
  const flood = peer.do('wants', { lists: LISTS, perList: WANTS_PER_LIST }).finally(() => {
    over = true;
  });
  let slowestMs = 0;
  let highestBytes = 0;
  while (!over) {
    const began = performance.now();
    expect((await ask(ours.url, { path: '/space' })).status).toBe(200);
    slowestMs = Math.max(slowestMs, performance.now() - began);
    highestBytes = Math.max(highestBytes, rssBytes(ours.pid));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  console.log(JSON.stringify({ ...(await flood), slowestMs, growthMib: (highestBytes - before) / MIB }));
  expect(slowestMs).toBeLessThan(SLOWEST_MAX_MS);
  expect(highestBytes - before).toBeLessThan(GROWTH_MAX_BYTES);
  const body = randomBytes(MIB);
  const { body: cid } = await ask(honest.url, { method: 'POST', path: '/data', body });
  expect((await ask(ours.url, { path: `/data/${cid}/network/stream` })).body.equals(body)).toBe(true);
});
