import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Endpoint } from '@codex/discovery';

export interface FakeIgd {
  /** Where it takes searches. */
  readonly group: Endpoint;
  /** Of its description. */
  readonly url: string;
  /** `TCP 5000` (external) → the rest of the mapping. */
  readonly mappings: Map<string, { client: string; port: number; lease: number; description: string }>;
  readonly actions: string[];
  readonly searches: string[];
  externalIp: string;
  /** External ports that others have. */
  readonly taken: Set<number>;
  permanentOnly: boolean;
  refuse: readonly string[];
  /** What the search answer says; `%` is the real URL. */
  location: string;
  /** Replaces the description. */
  description: string | undefined;
  silent: boolean;
  close(): Promise<void>;
}

/**
 * A router that speaks UPnP, written from the device architecture 1.1 and the Internet Gateway Device descriptions:
 * answers searches for its version, describes itself, and keeps mappings.
 */
export async function fakeIgd(init: { version: 1 | 2; prefix?: string } = { version: 1 }): Promise<FakeIgd> {
  const { version, prefix = 'm:' } = init;
  const deviceType = `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`;
  const serviceType = `urn:schemas-upnp-org:service:WANIPConnection:${version}`;
  const udp = createSocket('udp4');
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const http = createServer((request, response) => {
    void answer(request).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'text/xml; charset="utf-8"' }).end(body);
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/desc.xml`;

  const fake: FakeIgd = {
    group: { ip: '127.0.0.1', port: udp.address().port },
    url,
    mappings: new Map(),
    actions: [],
    searches: [],
    externalIp: '93.184.216.34',
    taken: new Set(),
    permanentOnly: false,
    refuse: [],
    location: '%',
    description: undefined,
    silent: false,
    async close() {
      http.closeAllConnections();
      await Promise.all([once(udp, 'close'), once(http, 'close'), udp.close(), http.close()]);
    },
  };

  udp.on('message', (search, from) => {
    const lines = search.toString().split('\r\n');
    const target = lines.find((line) => line.startsWith('ST: '))?.slice(4) ?? '';
    fake.searches.push(target);
    if (lines[0] !== 'M-SEARCH * HTTP/1.1' || !lines.includes('MAN: "ssdp:discover"') || fake.silent) return;
    if (target !== deviceType) return;
    const location = fake.location.replace('%', url);
    const reply = `HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: ${target}\r\nUSN: uuid:1::${target}\r\nEXT:\r\nLocation: ${location}\r\n\r\n`;
    udp.send(reply, from.port, from.address);
  });

  async function answer(request: IncomingMessage): Promise<{ status: number; body: string }> {
    const body = await text(request);
    if (request.method === 'GET') return { status: 200, body: fake.description ?? description() };
    const [type, action = ''] = (request.headers.soapaction as string).replaceAll('"', '').split('#');
    fake.actions.push(action);
    const field = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1] ?? '';
    if (type !== serviceType || request.url !== '/ctl/ip?a=1&b=2') return fault(401, 'Invalid Action');
    if (fake.refuse.includes(action)) return fault(606, 'Action not authorized');
    if (action === 'GetExternalIPAddress') {
      return ok(action, `<NewExternalIPAddress>${fake.externalIp}</NewExternalIPAddress>`);
    }
    const name = `${field('NewProtocol')} ${field('NewExternalPort')}`;
    if (action === 'DeletePortMapping') {
      return fake.mappings.delete(name) ? ok(action, '') : fault(714, 'NoSuchEntryInArray');
    }
    if (action !== 'AddPortMapping') return fault(401, 'Invalid Action');
    const lease = Number(field('NewLeaseDuration'));
    if (fake.permanentOnly && lease !== 0) return fault(725, 'OnlyPermanentLeasesSupported');
    if (fake.taken.has(Number(field('NewExternalPort')))) return fault(718, 'ConflictInMappingEntry');
    fake.mappings.set(name, {
      client: field('NewInternalClient'),
      port: Number(field('NewInternalPort')),
      lease,
      description: field('NewPortMappingDescription'),
    });
    return ok(action, '');
  }

  const envelope = (inner: string) =>
    `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${inner}</s:Body></s:Envelope>`;
  const ok = (action: string, inner: string) => ({
    status: 200,
    body: envelope(
      `<${prefix}${action}Response xmlns:${prefix.slice(0, -1) || 'm'}="${serviceType}">${inner}</${prefix}${action}Response>`,
    ),
  });
  const fault = (code: number, reason: string) => ({
    status: 500,
    body: envelope(
      `<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>${code}</errorCode><errorDescription>${reason}</errorDescription></UPnPError></detail></s:Fault>`,
    ),
  });
  const service = (type: string, control: string) =>
    `<service><serviceType>${type}</serviceType><serviceId>x</serviceId><controlURL>${control}</controlURL><SCPDURL>/s</SCPDURL></service>`;
  const description = () =>
    `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceType>${deviceType}</deviceType>
     <serviceList>${service('urn:schemas-upnp-org:service:Layer3Forwarding:1', '/ctl/l3')}</serviceList>
     <deviceList><device><serviceList>${service('urn:schemas-upnp-org:service:WANPPPConnection:1', '/ctl/ppp')}
     ${service(serviceType, '/ctl/ip?a=1&amp;b=2')}</serviceList></device></deviceList></device></root>`;
  return fake;
}
