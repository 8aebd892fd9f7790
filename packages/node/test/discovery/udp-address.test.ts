import { expect, it } from 'vitest';
import { udpEndpoint } from '../../src/discovery/udp-address.ts';

it.each([
  [['/ip4/0.0.0.0/tcp/0'], undefined, '0.0.0.0'],
  [['/ip4/127.0.0.1/tcp/0'], undefined, '127.0.0.1'],
  [['/ip4/192.0.2.1/tcp/1', '/ip4/192.0.2.1/tcp/2'], undefined, '192.0.2.1'],
  [['/ip4/192.0.2.1/tcp/1', '/ip4/127.0.0.1/tcp/2'], undefined, '0.0.0.0'],
  [['/ip4/0.0.0.0/tcp/1', '/ip6/::/tcp/1'], undefined, '::'],
  [['/ip6/::1/tcp/1'], undefined, '::1'],
  [['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1'], undefined, '127.0.0.1'],
  [[], undefined, '0.0.0.0'],
  [['/ip4/0.0.0.0/tcp/0'], '127.0.0.1', '127.0.0.1'],
  [['/ip4/127.0.0.1/tcp/0'], 'localhost', '127.0.0.1'],
])('listening on %s with disc-ip %s binds %s', (listenAddrs, discIp, ip) => {
  expect(udpEndpoint({ listenAddrs, discIp, discPort: 8090 })).toEqual({ ip, port: 8090 });
});
