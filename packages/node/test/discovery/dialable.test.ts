import { expect, it } from 'vitest';
import { dialableAddresses } from '../../src/discovery/dialable.ts';

const PUBLIC = '/ip4/192.0.2.7/tcp/8070';
const PUBLIC6 = '/ip6/2001:db8::7/tcp/8070';
const PRIVATE = '/ip4/192.168.1.7/tcp/8070';
const LOOPBACK = '/ip4/127.0.0.1/tcp/8070';
const all = [LOOPBACK, PRIVATE, PUBLIC, PUBLIC6];

it('takes what could lead there from here, the best first', () => {
  const from = (listening: string[], announced: string[]) => dialableAddresses(all, { listening, announced });
  const server = from(['/ip4/127.0.0.1/tcp/1', '/ip4/198.51.100.1/tcp/1'], ['/ip4/198.51.100.1/tcp/1']);
  expect(server).toEqual([PUBLIC, PUBLIC6]);
  const home = from(
    ['/ip4/127.0.0.1/tcp/1', '/ip4/10.0.0.5/tcp/1'],
    ['/ip4/198.51.100.1/tcp/1', '/ip4/10.0.0.5/tcp/1'],
  );
  expect(home).toEqual([PUBLIC, PUBLIC6, PRIVATE]);
  const alone = from(['/ip4/127.0.0.1/tcp/1'], ['/ip4/127.0.0.1/tcp/1']);
  expect(alone).toEqual([PUBLIC, PUBLIC6, PRIVATE, LOOPBACK]);
  expect(from([], [])).toEqual([PUBLIC, PUBLIC6]);
});

it('leaves out what nobody can dial, and what is too much', () => {
  const own = { listening: [LOOPBACK], announced: [LOOPBACK] };
  const junk = [
    '',
    'junk',
    '/ip4/192.0.2.7/udp/8090',
    '/ip4/192.0.2.7/tcp/0',
    '/ip4/0.0.0.0/tcp/1',
    '/ip4/224.0.0.1/tcp/1',
  ];
  expect(dialableAddresses([...junk, '/dns4/example.org/tcp/1', PUBLIC, PUBLIC], own)).toEqual([PUBLIC]);
  const many = Array.from({ length: 100 }, (_, i) => `/ip4/192.0.2.7/tcp/${i + 1}`);
  expect(dialableAddresses(many, own)).toHaveLength(8);
});
