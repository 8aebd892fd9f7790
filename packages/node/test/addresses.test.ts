import { reachOf } from '@codex/discovery';
import { describe, expect, it } from 'vitest';
import { announcedAddresses, portsToMap, type Ways } from '../src/addresses.ts';

const ways = (fields: Partial<Ways>): Ways => ({
  listening: [],
  udp: undefined,
  interfaces: [],
  mapped: { externalIp: undefined, mappings: [] },
  observed: undefined,
  ...fields,
});
const mapping = (transport: 'tcp' | 'udp', port: number, externalPort: number) => ({
  transport,
  port,
  externalPort,
  lifetimeMs: 3_600_000,
});

describe('announced addresses', () => {
  it('with extip are the given one, once per port', () => {
    const listening = [
      '/ip4/127.0.0.1/tcp/5000',
      '/ip4/10.0.0.7/tcp/5000',
      '/ip4/192.168.1.1/tcp/5000',
      '/ip4/127.0.0.1/tcp/6000',
      '/ip6/::1/tcp/7000',
    ];
    expect(announcedAddresses(ways({ listening }), { mode: 'extip', ip: '8.8.8.8' })).toEqual({
      tcp: ['/ip4/8.8.8.8/tcp/5000', '/ip4/8.8.8.8/tcp/6000'],
      udp: [],
    });
    expect(announcedAddresses(ways({ listening }), { mode: 'extip', ip: '2001:db8::1' }).tcp).toEqual([
      '/ip6/2001:db8::1/tcp/7000',
    ]);
  });

  it('of the vector of the reference are its addresses without the duplicates (07 §2)', () => {
    const listening = ['/ip4/127.0.0.1/tcp/5000', '/ip4/0.0.0.0/tcp/5000', '/ip4/192.168.1.1/tcp/5000'];
    const interfaces = ['127.0.0.1', '192.168.1.1'];
    const udp = { ip: '0.0.0.0', port: 1234 };
    expect(announcedAddresses(ways({ listening, interfaces, udp }), { mode: 'extip', ip: '8.8.8.8' })).toEqual({
      tcp: ['/ip4/8.8.8.8/tcp/5000'],
      udp: ['/ip4/8.8.8.8/udp/1234'],
    });
  });

  it('otherwise put public ones first, IPv4 before IPv6, and drop loopback', () => {
    const listening = [
      '/ip4/127.0.0.1/tcp/1',
      '/ip4/192.168.1.5/tcp/1',
      '/ip6/2606:4700::1/tcp/1',
      '/ip4/93.184.216.34/tcp/1',
      '/ip6/::1/tcp/1',
      '/ip4/192.168.1.5/tcp/1',
    ];
    for (const mode of ['any', 'none'] as const) {
      expect(announcedAddresses(ways({ listening }), { mode }).tcp).toEqual([
        '/ip4/93.184.216.34/tcp/1',
        '/ip6/2606:4700::1/tcp/1',
        '/ip4/192.168.1.5/tcp/1',
      ]);
    }
  });

  it('are loopback when there is nothing else', () => {
    const listening = ['/ip4/127.0.0.1/tcp/1', '/ip4/0.0.0.0/tcp/1'];
    const udp = { ip: '127.0.0.1', port: 9 };
    expect(announcedAddresses(ways({ listening, udp }), { mode: 'any' })).toEqual({
      tcp: ['/ip4/127.0.0.1/tcp/1'],
      udp: ['/ip4/127.0.0.1/udp/9'],
    });
    expect(announcedAddresses(ways({}), { mode: 'any' })).toEqual({ tcp: [], udp: [] });
  });

  it('expand the unspecified host of the UDP socket', () => {
    const interfaces = ['127.0.0.1', '10.0.0.7', '::1', '2606:4700::1'];
    const udp = (ip: string) => announcedAddresses(ways({ interfaces, udp: { ip, port: 7 } }), { mode: 'none' }).udp;
    expect(udp('0.0.0.0')).toEqual(['/ip4/10.0.0.7/udp/7']);
    expect(udp('::')).toEqual(['/ip6/2606:4700::1/udp/7', '/ip4/10.0.0.7/udp/7']);
    expect(udp('10.0.0.7')).toEqual(['/ip4/10.0.0.7/udp/7']);
  });

  it('begin with what a gateway maps, each transport for itself', () => {
    const listening = ['/ip4/192.168.1.5/tcp/1'];
    const udp = { ip: '192.168.1.5', port: 2 };
    const both = { externalIp: '93.184.216.34', mappings: [mapping('tcp', 1, 11), mapping('udp', 2, 22)] };
    expect(announcedAddresses(ways({ listening, udp, mapped: both }), { mode: 'any' })).toEqual({
      tcp: ['/ip4/93.184.216.34/tcp/11', '/ip4/192.168.1.5/tcp/1'],
      udp: ['/ip4/93.184.216.34/udp/22', '/ip4/192.168.1.5/udp/2'],
    });
    const one = { ...both, mappings: [mapping('tcp', 1, 11)] };
    expect(announcedAddresses(ways({ listening, udp, mapped: one }), { mode: 'any' })).toEqual({
      tcp: ['/ip4/93.184.216.34/tcp/11', '/ip4/192.168.1.5/tcp/1'],
      udp: ['/ip4/192.168.1.5/udp/2'],
    });
  });

  it('leave out a gateway that stands behind another one, and take what peers observe', () => {
    const mapped = { externalIp: '100.64.3.4', mappings: [mapping('udp', 2, 2)] };
    const observed = { ip: '93.184.216.34', port: 40_000 };
    const udp = { ip: '192.168.1.5', port: 2 };
    expect(announcedAddresses(ways({ udp, mapped, observed }), { mode: 'any' }).udp).toEqual([
      '/ip4/93.184.216.34/udp/40000',
      '/ip4/192.168.1.5/udp/2',
    ]);
  });
});

describe('ports to map', () => {
  const listening = ['/ip4/127.0.0.1/tcp/1', '/ip4/192.168.1.5/tcp/1', '/ip4/10.0.0.1/tcp/1', '/ip6/fd00::1/tcp/3'];
  const udp = { ip: '0.0.0.0', port: 2 };
  const interfaces = ['127.0.0.1', '192.168.1.5', '10.0.0.1'];

  it('are each port once', () => {
    expect(portsToMap({ listening, udp, interfaces }, { mode: 'any' })).toEqual([
      { transport: 'tcp', port: 1 },
      { transport: 'udp', port: 2 },
    ]);
  });

  it('are none where others cannot reach, or need no gateway', () => {
    expect(portsToMap({ listening, udp, interfaces }, { mode: 'none' })).toEqual([]);
    expect(portsToMap({ listening, udp, interfaces }, { mode: 'extip', ip: '1.2.3.4' })).toEqual([]);
    const loopback = { listening: ['/ip4/127.0.0.1/tcp/1'], udp: { ip: '127.0.0.1', port: 2 }, interfaces };
    expect(portsToMap(loopback, { mode: 'upnp' })).toEqual([]);
    const public4 = { listening: [...listening, '/ip4/93.184.216.34/tcp/1'], udp, interfaces };
    expect(portsToMap(public4, { mode: 'any' })).toEqual([]);
    expect(portsToMap(public4, { mode: 'upnp' })).toHaveLength(2);
  });
});

it.each([
  ['8.8.8.8', 'public'],
  ['10.1.2.3', 'private'],
  ['172.16.0.1', 'private'],
  ['172.32.0.1', 'public'],
  ['192.168.0.1', 'private'],
  ['100.64.0.1', 'private'],
  ['169.254.1.1', 'private'],
  ['127.1.2.3', 'loopback'],
  ['0.0.0.0', 'none'],
  ['224.0.0.1', 'none'],
  ['::1', 'loopback'],
  ['fe80::1', 'private'],
  ['fd00::1', 'private'],
  ['2606:4700::1', 'public'],
] as const)('%s is %s', (ip, reach) => {
  expect(reachOf(ip)).toBe(reach);
});
