import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { UdpDatagrams } from '../../src/datagram/udp.ts';
import { Discovery } from '../../src/discovery.ts';
import { Identity } from '../../src/identity/identity.ts';
import { NodeId } from '../../src/identity/node-id.ts';
import { SignedRecord } from '../../src/record/signed-record.ts';
import { LmdbStorage } from '../../src/storage/lmdb-storage.ts';

const running: Discovery[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

async function start(identity: Identity, bootstrap: readonly SignedRecord[], directory?: string, ip = '127.0.0.1') {
  const storage = directory ? LmdbStorage.open(directory) : undefined;
  const node = new Discovery(
    { identity, datagrams: new UdpDatagrams(), storage },
    { listen: { ip, port: 0 }, bootstrap },
  );
  running.push(node);
  await node.start();
  return node;
}

describe('three nodes over UDP', () => {
  it.each(['127.0.0.1', '::1'])('at %s join, announce, find, and find each other again from disk', async (ip) => {
    const directory = await mkdtemp(join(tmpdir(), 'dht-'));
    const first = await start(Identity.generate(), [], undefined, ip);
    const provider = Identity.generate();
    const second = await start(provider, [first.record], undefined, ip);
    const identity = Identity.generate();
    const third = await start(identity, [first.record], directory, ip);
    await Promise.all([second.joined, third.joined]);
    const content = NodeId.ofContent(Buffer.from('some content'));
    const record = SignedRecord.sign(provider, { seq: 1, addresses: ['/ip4/127.0.0.1/tcp/8070'] });
    const { asked, confirmed } = await second.provide(content, record);
    expect([asked, confirmed]).toEqual([2, 2]);
    expect((await third.findProviders(content)).map(({ uri }) => uri)).toEqual([record.uri]);
    expect((await third.resolve(second.nodeId))?.uri).toBe(second.record.uri);
    await third.stop();
    await first.stop();
    const again = await start(identity, [], directory, ip);
    await again.joined;
    expect(again.table().some(({ record: known, seen }) => seen && known.peerId === provider.peerId)).toBe(true);
    expect((await again.findProviders(content)).map(({ uri }) => uri)).toEqual([record.uri]);
    await again.stop();
    await rm(directory, { recursive: true });
  });
});
