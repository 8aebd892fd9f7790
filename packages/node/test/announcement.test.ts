import { Identity, SignedRecord } from '@codex/discovery';
import { silentLogger, VirtualClock } from '@codex/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { Announcement, type AnnouncementComponents } from '../src/announcement.ts';
import type { NatSetting } from '../src/config/index.ts';
import { PmpMapper } from '../src/nat/pmp.ts';
import { UpnpMapper } from '../src/nat/upnp.ts';
import { fakeIgd } from './nat/fake-igd.ts';
import { fakePmp } from './nat/fake-pmp.ts';

const identity = Identity.generate();
const START_MS = 1_700_000_000_000;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function announce(nat: NatSetting, components: Partial<AnnouncementComponents> = {}) {
  const clock = new VirtualClock(START_MS);
  const place = {
    listening: ['/ip4/127.0.0.1/tcp/5000', '/ip4/192.168.1.5/tcp/5000'],
    own: ['127.0.0.1', '192.168.1.5'],
  };
  const notices: string[] = [];
  const announcement = new Announcement(
    {
      identity,
      clock,
      logger: { ...silentLogger, notice: (message) => notices.push(message) },
      network: { listenAddrs: () => place.listening },
      udp: () => ({ ip: '0.0.0.0', port: 8090 }),
      interfaces: () => place.own,
      mappers: [],
      ...components,
    },
    { nat },
  );
  closing.push(() => announcement.stop());
  const seen: (readonly string[])[] = [];
  announcement.onChange(() => seen.push(announcement.dhtAddresses));
  return { announcement, clock, place, seen, notices };
}

describe('an announcement', () => {
  it('has signed addresses when it is started, and nothing before', () => {
    const { announcement, seen } = announce({ mode: 'any' });
    expect([announcement.tcp, announcement.udp, announcement.providerRecord]).toEqual([[], [], undefined]);
    announcement.start();
    expect(announcement.tcp).toEqual(['/ip4/192.168.1.5/tcp/5000']);
    expect(announcement.dhtAddresses).toEqual(['/ip4/192.168.1.5/udp/8090', '/ip4/192.168.1.5/tcp/5000']);
    const record = SignedRecord.parse(announcement.providerRecord!.uri);
    expect(record).toMatchObject({ peerId: identity.peerId, seq: START_MS / 1000, addresses: announcement.tcp });
    expect(seen).toEqual([]);
  });

  it('gives a DHT record whose UDP endpoint is the right one', () => {
    const { announcement } = announce({ mode: 'extip', ip: '8.8.8.8' });
    announcement.start();
    const record = SignedRecord.sign(identity, { seq: 1, addresses: announcement.dhtAddresses });
    expect(record.udp).toEqual({ ip: '8.8.8.8', port: 8090 });
    expect(record.addresses).toEqual(['/ip4/8.8.8.8/udp/8090', '/ip4/8.8.8.8/tcp/5000']);
  });

  it('follows the interfaces, with a rising seq', async () => {
    const { announcement, clock, place, seen } = announce({ mode: 'none' });
    announcement.start();
    const { seq } = announcement.providerRecord!;
    place.listening = ['/ip4/10.0.0.9/tcp/5000'];
    place.own = ['10.0.0.9'];
    await clock.advance(180_000);
    expect(seen).toEqual([['/ip4/10.0.0.9/udp/8090', '/ip4/10.0.0.9/tcp/5000']]);
    expect(announcement.providerRecord!.seq).toBe(seq + 180);
    await clock.advance(180_000);
    expect(seen).toHaveLength(1);
    await announcement.stop();
    expect(clock.pending).toBe(0);
  });

  it.each(['upnp', 'pmp'] as const)('announces what a %s gateway maps as soon as it does', async (protocol) => {
    const router = protocol === 'upnp' ? await fakeIgd() : await fakePmp();
    closing.push(() => router.close());
    const mapper =
      'group' in router
        ? new UpnpMapper({ group: router.group, sources: ['127.0.0.1'] })
        : new PmpMapper({ at: router.at });
    router.taken.add(5000);
    const { announcement, seen } = announce({ mode: protocol }, { mappers: [mapper] });
    announcement.start();
    expect(announcement.tcp).toEqual(['/ip4/192.168.1.5/tcp/5000']);
    const { seq } = announcement.providerRecord!;
    await expect.poll(() => seen.length).toBe(1);
    expect(announcement.dhtAddresses).toEqual([
      '/ip4/93.184.216.34/udp/8090',
      '/ip4/192.168.1.5/udp/8090',
      '/ip4/93.184.216.34/tcp/5001',
      '/ip4/192.168.1.5/tcp/5000',
    ]);
    expect(announcement.providerRecord!.seq).toBe(seq + 1);
    expect(router.mappings.size).toBe(2);
    await announcement.stop();
    expect(router.mappings.size).toBe(0);
  });

  it('asks the gateway again when peers see another address, and believes the gateway that explains it', async () => {
    const router = await fakePmp();
    closing.push(() => router.close());
    const { announcement, notices, seen } = announce({ mode: 'any' }, { mappers: [new PmpMapper({ at: router.at })] });
    announcement.start();
    await expect.poll(() => seen.length).toBe(1);
    await announcement.observed({ ip: '93.184.216.34', port: 1 });
    expect(notices).not.toContain('Peers see this node at another address');
    router.externalIp = '93.184.216.99';
    await announcement.observed({ ip: '93.184.216.99', port: 8090 });
    expect(notices).toContain('Peers see this node at another address');
    expect(announcement.udp).toEqual(['/ip4/93.184.216.99/udp/8090', '/ip4/192.168.1.5/udp/8090']);
    expect(announcement.tcp[0]).toBe('/ip4/93.184.216.99/tcp/5000');
  });

  it('announces what peers see when no gateway explains it, until they see something else', async () => {
    const { announcement } = announce({ mode: 'any' });
    announcement.start();
    await announcement.observed({ ip: '93.184.216.34', port: 40_000 });
    expect(announcement.udp).toEqual(['/ip4/93.184.216.34/udp/40000', '/ip4/192.168.1.5/udp/8090']);
    await announcement.observed({ ip: '93.184.216.35', port: 40_001 });
    expect(announcement.udp).toEqual(['/ip4/93.184.216.35/udp/40001', '/ip4/192.168.1.5/udp/8090']);
    expect(announcement.tcp).toEqual(['/ip4/192.168.1.5/tcp/5000']);
    await announcement.observed({ ip: '10.1.1.1', port: 8090 });
    expect(announcement.udp[0]).toBe('/ip4/93.184.216.35/udp/40001');
  });

  it('never gives up an address that the user set', async () => {
    const { announcement, notices, seen } = announce({ mode: 'extip', ip: '8.8.8.8' });
    announcement.start();
    for (let votes = 0; votes < 3; votes++) await announcement.observed({ ip: '93.184.216.34', port: 8090 });
    expect(announcement.udp).toEqual(['/ip4/8.8.8.8/udp/8090']);
    expect(seen).toEqual([]);
    expect(notices).toEqual(['Peers see this node at another address; kept because of nat=extip']);
  });
});
