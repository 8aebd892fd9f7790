import { describe, expect, it } from 'vitest';
import { NodeId } from '../../src/identity/node-id.ts';
import { addressGroup } from '../../src/table/address-group.ts';
import { lookupDistances } from '../../src/table/distances.ts';
import { canReach, usableNodes } from '../../src/table/node-checks.ts';
import { fakeRecord, someId } from '../fakes.ts';

function flipped(id: NodeId, distance: number): NodeId {
  const bytes = Uint8Array.from(id.bytes);
  const bit = 256 - distance;
  bytes[bit >> 3]! ^= 0x80 >> (bit & 7);
  return new NodeId(bytes);
}

describe('distances of a lookup', () => {
  it.each([
    [0, [0, 1, 2]],
    [1, [1, 2, 3]],
    [2, [2, 3, 1]],
    [100, [100, 101, 99]],
    [255, [255, 256, 254]],
    [256, [256, 255, 254]],
  ])('at log-distance %i', (distance, expected) => {
    const target = someId(1);
    expect(lookupDistances(target, distance === 0 ? target : flipped(target, distance))).toEqual(expected);
  });
});

describe('records of an answer', () => {
  const from = { ip: '0.0.0.0', port: 8090 };
  const local = someId(0);
  const sender = (ip: string) => ({ id: someId(1), endpoint: { ip, port: 1 } });
  const usable = (ips: string[], by: string) =>
    usableNodes(
      ips.map((ip, i) => fakeRecord(someId(i + 10), { ip })),
      sender(by),
      { local, from },
    ).map(({ endpoint }) => endpoint.ip);

  it('tell of loopback only over loopback, of private addresses not from the Internet', () => {
    const told = ['127.0.0.1', '192.168.1.5', '8.8.8.8', '0.0.0.0', '224.0.0.1'];
    expect(usable(told, '127.0.0.1')).toEqual(['127.0.0.1', '192.168.1.5', '8.8.8.8']);
    expect(usable(told, '10.0.0.1')).toEqual(['192.168.1.5', '8.8.8.8']);
    expect(usable(told, '9.9.9.9')).toEqual(['8.8.8.8']);
  });

  it('are of others, each once, at the distances that were asked for, and not too many', () => {
    const by = sender('127.0.0.1');
    const near = Array.from({ length: 30 }, (_, i) => {
      const id = flipped(by.id, 240);
      id.bytes[31]! = i;
      return fakeRecord(new NodeId(Uint8Array.from(id.bytes)));
    });
    const other = fakeRecord(flipped(by.id, 241));
    const checked = (records: ReturnType<typeof fakeRecord>[], distances?: number[]) =>
      usableNodes(records, by, { local, from, ...(distances && { distances }) }).map(({ record }) => record);
    expect(checked([other, ...near], [240])).toEqual(near.slice(0, 15));
    expect(checked([other, near[0]!, near[0]!, fakeRecord(local)])).toEqual([other, near[0]]);
    expect(checked(near)).toHaveLength(6);
  });

  it('can be asked by sockets of their family only', () => {
    const v6 = { ip: '2001:db8::1', port: 1 };
    const v4 = { ip: '192.0.2.1', port: 1 };
    expect([canReach(from, v4), canReach(from, v6)]).toEqual([true, false]);
    expect([canReach({ ip: '::', port: 1 }, v4), canReach({ ip: '::', port: 1 }, v6)]).toEqual([true, true]);
    expect([canReach({ ip: '::1', port: 1 }, v4), canReach({ ip: '::1', port: 1 }, v6)]).toEqual([false, true]);
    expect(canReach(from, { ...v4, port: 0 })).toBe(false);
  });
});

describe('whose an address is', () => {
  it('a public IPv4 address, or a /64', () => {
    expect(addressGroup('203.0.113.9')).toBe('203.0.113.9');
    expect(addressGroup('2001:db8:1:2:3:4:5:6')).toBe(addressGroup('2001:db8:1:2::9'));
    expect(addressGroup('2001:db8::1')).not.toBe(addressGroup('2001:db8:0:1::1'));
    for (const ip of ['127.0.0.1', '10.1.2.3', '::1', 'fe80::1']) expect(addressGroup(ip)).toBeUndefined();
  });
});
