import { reachOf } from '@codex/discovery';
import { describe, expect, it } from 'vitest';
import { announcedAddresses } from '../src/addresses.ts';

describe('announced addresses', () => {
  it('with extip are the given one, once per port', () => {
    const listening = [
      '/ip4/127.0.0.1/tcp/5000',
      '/ip4/10.0.0.7/tcp/5000',
      '/ip4/192.168.1.1/tcp/5000',
      '/ip4/127.0.0.1/tcp/6000',
      '/ip6/::1/tcp/7000',
    ];
    expect(announcedAddresses(listening, { mode: 'extip', ip: '8.8.8.8' })).toEqual([
      '/ip4/8.8.8.8/tcp/5000',
      '/ip4/8.8.8.8/tcp/6000',
    ]);
    expect(announcedAddresses(listening, { mode: 'extip', ip: '2001:db8::1' })).toEqual(['/ip6/2001:db8::1/tcp/7000']);
  });

  it('otherwise put public ones first and drop loopback', () => {
    const listening = [
      '/ip4/127.0.0.1/tcp/1',
      '/ip4/192.168.1.5/tcp/1',
      '/ip4/93.184.216.34/tcp/1',
      '/ip6/::1/tcp/1',
      '/ip4/192.168.1.5/tcp/1',
    ];
    for (const mode of ['any', 'none'] as const) {
      expect(announcedAddresses(listening, { mode })).toEqual(['/ip4/93.184.216.34/tcp/1', '/ip4/192.168.1.5/tcp/1']);
    }
  });

  it('are loopback when there is nothing else', () => {
    expect(announcedAddresses(['/ip4/127.0.0.1/tcp/1', '/ip4/0.0.0.0/tcp/1'], { mode: 'any' })).toEqual([
      '/ip4/127.0.0.1/tcp/1',
    ]);
    expect(announcedAddresses([], { mode: 'any' })).toEqual([]);
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
