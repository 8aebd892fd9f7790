import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { openIgd } from '../../src/nat/igd.ts';
import { UpnpMapper } from '../../src/nat/upnp.ts';
import { xmlElements, xmlText } from '../../src/nat/xml-http.ts';
import { type FakeIgd, fakeIgd } from './fake-igd.ts';

const open: FakeIgd[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((router) => router.close()));
});
async function start(init?: Parameters<typeof fakeIgd>[0]): Promise<FakeIgd> {
  const router = await fakeIgd(init);
  open.push(router);
  return router;
}
const mapperOf = (router: FakeIgd) => new UpnpMapper({ group: router.group, sources: ['127.0.0.1'] });
const wanted = { transport: 'tcp', port: 5000, externalPort: 5000, lifetimeMs: 3_600_000 } as const;

describe.each([
  { version: 1, prefix: 'm:' },
  { version: 2, prefix: '' },
] as const)('an Internet Gateway Device $version', (init) => {
  it('is found, maps both transports, and deletes mappings', async () => {
    const router = await start(init);
    const gateway = (await mapperOf(router).find())!;
    expect(await gateway.externalIp()).toBe('93.184.216.34');
    expect(await gateway.map(wanted)).toEqual(wanted);
    const udp = { ...wanted, transport: 'udp', port: 8090, externalPort: 8090 } as const;
    await gateway.map(udp);
    const kept = { client: '127.0.0.1', lease: 3600, description: 'codex' };
    expect([...router.mappings]).toEqual([
      ['TCP 5000', { ...kept, port: 5000 }],
      ['UDP 8090', { ...kept, port: 8090 }],
    ]);
    await gateway.map(wanted);
    await gateway.unmap(wanted);
    await gateway.unmap(wanted);
    expect([...router.mappings.keys()]).toEqual(['UDP 8090']);
  });
});

it('another external port is taken when somebody has the one asked for', async () => {
  const router = await start();
  router.taken.add(5000).add(5001);
  const gateway = (await mapperOf(router).find())!;
  expect(await gateway.map(wanted)).toEqual({ ...wanted, externalPort: 5002 });
  for (let port = 5002; port < 5010; port++) router.taken.add(port);
  await expect(gateway.map(wanted)).rejects.toMatchObject({ code: 'GATEWAY_REFUSED', data: { code: 718 } });
});

it('a router that only knows mappings without end gets one', async () => {
  const router = await start();
  router.permanentOnly = true;
  const gateway = (await mapperOf(router).find())!;
  expect(await gateway.map(wanted)).toEqual({ ...wanted, lifetimeMs: Number.POSITIVE_INFINITY });
  expect(router.mappings.get('TCP 5000')?.lease).toBe(0);
});

it('a refusal carries the code of the device', async () => {
  const router = await start();
  router.refuse = ['AddPortMapping'];
  const gateway = (await mapperOf(router).find())!;
  const refused = { code: 'GATEWAY_REFUSED', data: { code: 606, reason: 'Action not authorized' } };
  await expect(gateway.map(wanted)).rejects.toMatchObject(refused);
});

it('a device that has no outside, or sends us to another host, is not used', async () => {
  const [router, offline, elsewhere, hostile, huge] = await Promise.all([start(), start(), start(), start(), start()]);
  offline.externalIp = '0.0.0.0';
  elsewhere.location = 'http://127.0.0.2:1/desc.xml';
  hostile.description = `<root><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>http://127.0.0.2:${router.group.port}/</controlURL></service></root>`;
  huge.description = '<service>'.repeat(100_000);
  const found = await Promise.all([offline, elsewhere, hostile, huge].map((device) => mapperOf(device).find()));
  expect(found).toEqual([undefined, undefined, undefined, undefined]);
  expect(router.actions).toEqual([]);
});

it('without a gateway the search ends by itself, or when it is aborted', async () => {
  const router = await start();
  router.silent = true;
  expect(await mapperOf(router).find()).toBeUndefined();
  // Both versions, asked for twice.
  expect(router.searches.toSorted()).toEqual(
    [1, 1, 2, 2].map((n) => `urn:schemas-upnp-org:device:InternetGatewayDevice:${n}`),
  );
  expect(await new UpnpMapper({ sources: [] }).find()).toBeUndefined();
  const abort = new AbortController();
  const search = mapperOf(router).find({ signal: abort.signal });
  abort.abort(new Error('enough'));
  await expect(search).rejects.toThrow('enough');
});

it('descriptions of any kind are read or passed over', async () => {
  const router = await start();
  const location = new URL(router.url);
  const tag = fc.constantFrom(
    '<service>',
    '</service>',
    '<serviceType>',
    '<controlURL>',
    '</controlURL>',
    '<URLBase>',
    '&',
  );
  const type = fc.constant('<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>');
  const part = fc.oneof(tag, type, fc.string());
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 12 }), async (parts) => {
      router.description = parts.join('');
      const found = await openIgd(location).catch((error: unknown) => error);
      if (found !== undefined) expect(found).toMatchObject({ code: expect.stringMatching(/^GATEWAY_/) });
    }),
    { numRuns: 60 },
  );
});

it('XML is read by name, whatever the prefix, without blocking', () => {
  const xml = '<a:b x="1"> 1 &amp; 2 </a:b><service>p</service><service id="2">q</service>';
  expect(xmlText(xml, 'b')).toBe('1 & 2');
  expect(xmlText(xml, 'c')).toBeUndefined();
  expect(xmlElements(xml, 'service')).toEqual(['p', 'q']);
  const started = performance.now();
  xmlElements('<service>'.repeat(28_000), 'service');
  xmlText('<b'.repeat(100_000), 'b');
  expect(performance.now() - started).toBeLessThan(500);
});
