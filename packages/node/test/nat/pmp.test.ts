import { VirtualClock } from '@codex/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gatewayOfNetstat, gatewayOfProc } from '../../src/nat/default-gateway.ts';
import { PmpMapper } from '../../src/nat/pmp.ts';
import { type FakePmp, fakePmp } from './fake-pmp.ts';

describe('a NAT-PMP gateway', () => {
  let router: FakePmp;
  beforeEach(async () => {
    router = await fakePmp();
  });
  afterEach(() => router.close());
  const find = async () => (await new PmpMapper({ at: router.at }).find())!;
  const wanted = { transport: 'tcp', port: 5000, externalPort: 5000, lifetimeMs: 3_600_000 } as const;

  it('tells its address, maps TCP and UDP and deletes mappings', async () => {
    const gateway = await find();
    expect(await gateway.externalIp()).toBe('93.184.216.34');
    expect(await gateway.map(wanted)).toEqual(wanted);
    expect(router.requests.at(-1)?.toString('hex')).toBe('000200001388138800000e10');
    router.taken.add(8090);
    const udp = { transport: 'udp', port: 8090, externalPort: 8090, lifetimeMs: 3_600_000 } as const;
    const mapped = await gateway.map(udp);
    expect(mapped).toEqual({ ...udp, externalPort: 8091 });
    expect([...router.mappings]).toEqual([
      ['tcp 5000', { externalPort: 5000, seconds: 3600 }],
      ['udp 8090', { externalPort: 8091, seconds: 3600 }],
    ]);
    await gateway.unmap(mapped);
    expect([...router.mappings.keys()]).toEqual(['tcp 5000']);
    // RFC 6886 §3.4: external port and lifetime zero.
    expect(router.requests.at(-1)?.toString('hex')).toBe('000100001f9a000000000000');
  });

  it('is asked again when datagrams are lost', async () => {
    const clock = new VirtualClock();
    router.drop = 2;
    const found = new PmpMapper({ at: router.at, clock }).find();
    for (let seen = 1; seen <= 2; seen++) {
      await expect.poll(() => router.requests.length).toBe(seen);
      await clock.advance(250 * seen);
    }
    expect(await (await found)!.externalIp()).toBe('93.184.216.34');
  });

  it('grants a shorter life', async () => {
    router.secondsMax = 120;
    expect(await (await find()).map(wanted)).toEqual({ ...wanted, lifetimeMs: 120_000 });
  });

  it('refuses with its reason', async () => {
    const gateway = await find();
    router.result = 2;
    const refused = { code: 'GATEWAY_REFUSED', data: { code: 2, reason: 'not authorized' } };
    await expect(gateway.map(wanted)).rejects.toMatchObject(refused);
    await expect(new PmpMapper({ at: router.at }).find()).rejects.toMatchObject(refused);
  });

  it('is understood among datagrams that are no answers', async () => {
    router.noise = [[], [0], [0, 130, 0], [0, 129, 0, 0, 0, 0, 0, 1], [0, 130, 0, 0, 1, 2, 3, 4], [0, 128]].map(
      (bytes) => Uint8Array.from(bytes),
    );
    const gateway = await find();
    expect(await gateway.map(wanted)).toEqual(wanted);
  });

  it('is not believed when it answers for another port', async () => {
    const gateway = await find();
    const other = Buffer.alloc(16);
    other.set([0, 130]);
    other.writeUInt16BE(5001, 8);
    router.noise = [other];
    await expect(gateway.map(wanted)).rejects.toMatchObject({ code: 'GATEWAY_FAILED' });
  });

  it('ends when the call is aborted', async () => {
    const gateway = await find();
    router.drop = 100;
    const abort = new AbortController();
    const asked = gateway.externalIp({ signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    await expect(gateway.map(wanted, { signal: abort.signal })).rejects.toThrow('enough');
  });
});

it('an address that does not serve NAT-PMP is known at once', async () => {
  const router = await fakePmp();
  await router.close();
  const found = new PmpMapper({ at: router.at, clock: new VirtualClock() }).find();
  await expect(found).rejects.toMatchObject({ code: 'GATEWAY_FAILED' });
});

it('a silent router is given up after four tries', async () => {
  const router = await fakePmp();
  const clock = new VirtualClock();
  router.drop = 100;
  const found = new PmpMapper({ at: router.at, clock }).find();
  found.catch(() => {});
  for (const [i, waitMs] of [250, 500, 1000, 2000].entries()) {
    await expect.poll(() => router.requests.length).toBe(i + 1);
    await clock.advance(waitMs);
  }
  await expect(found).rejects.toMatchObject({ code: 'GATEWAY_FAILED' });
  await router.close();
});

describe('the default gateway', () => {
  it('is read from the table of Linux: the up one with the lowest metric', () => {
    const table = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wlan0	00000000	FE01A8C0	0003	0	0	600	00000000	0	0	0
eth0	00000000	0101A8C0	0003	0	0	100	00000000	0	0	0
eth1	00000000	0202A8C0	0002	0	0	1	00000000	0	0	0
eth0	0001A8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
`;
    expect(gatewayOfProc(table)).toBe('192.168.1.1');
    expect(gatewayOfProc('Iface\n')).toBeUndefined();
  });

  it('is read from what netstat prints elsewhere', () => {
    expect(gatewayOfNetstat('Destination Gateway Flags\ndefault            10.0.0.138         UGScg  en0\n')).toBe(
      '10.0.0.138',
    );
    const windows =
      '  Network Destination\n          0.0.0.0          0.0.0.0      192.168.0.1    192.168.0.7     25\n';
    expect(gatewayOfNetstat(windows)).toBe('192.168.0.1');
    expect(gatewayOfNetstat('')).toBeUndefined();
  });
});
