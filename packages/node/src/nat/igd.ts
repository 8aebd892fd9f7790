import { isIPv4 } from 'node:net';
import type { AbortOptions } from '@codex/runtime';
import { NodeError } from '../errors.ts';
import type { Gateway, PortMapping } from './port-mapper.ts';
import { fetchXml, type XmlAnswer, xmlElements, xmlText } from './xml-http.ts';

/** What a gateway shows its owner; as the reference (07 §2). */
const DESCRIPTION = 'codex';
/** Error codes of WANIPConnection (its service description, §2.4). */
const CONFLICT_CODES = new Set([718, 729]);
const PERMANENT_ONLY_CODES = new Set([402, 725]);
const NO_SUCH_MAPPING = 714;
/** Other external ports that are tried when somebody else has the one asked for. */
const OTHER_PORTS_MAX = 4;
const PORT_MAX = 65_535;
const SECOND_MS = 1000;

interface Service {
  readonly type: string;
  readonly control: URL;
}

/** One connection to the outside of an Internet Gateway Device, version 1 or 2. */
class IgdGateway implements Gateway {
  readonly protocol = 'upnp';
  readonly name: string;
  readonly #service: Service;

  constructor(service: Service) {
    this.#service = service;
    this.name = service.control.host;
  }

  async externalIp(options?: AbortOptions): Promise<string> {
    const ip = xmlText((await this.#call('GetExternalIPAddress', [], options)).text, 'NewExternalIPAddress') ?? '';
    if (isIPv4(ip) && ip !== '0.0.0.0') return ip;
    throw new NodeError('GATEWAY_FAILED', 'The gateway knows no external address', { gateway: this.name, ip });
  }

  async map(wanted: PortMapping, options?: AbortOptions): Promise<PortMapping> {
    let mapping = wanted;
    for (let tries = 0; ; tries++) {
      try {
        await this.#add(mapping, options);
        return mapping;
      } catch (error) {
        const code = error instanceof NodeError ? Number(error.data.code) : 0;
        if (PERMANENT_ONLY_CODES.has(code) && mapping.lifetimeMs !== Number.POSITIVE_INFINITY) {
          mapping = { ...mapping, lifetimeMs: Number.POSITIVE_INFINITY };
        } else if (CONFLICT_CODES.has(code) && tries < OTHER_PORTS_MAX && mapping.externalPort < PORT_MAX) {
          mapping = { ...mapping, externalPort: mapping.externalPort + 1 };
        } else {
          throw error;
        }
      }
    }
  }

  async unmap(mapping: PortMapping, options?: AbortOptions): Promise<void> {
    const { transport, externalPort } = mapping;
    try {
      await this.#call(
        'DeletePortMapping',
        [
          ['NewRemoteHost', ''],
          ['NewExternalPort', `${externalPort}`],
          ['NewProtocol', transport.toUpperCase()],
        ],
        options,
      );
    } catch (error) {
      if (!(error instanceof NodeError && error.data.code === NO_SUCH_MAPPING)) throw error;
    }
  }

  async #add({ transport, port, externalPort, lifetimeMs }: PortMapping, options?: AbortOptions): Promise<void> {
    // The address of ours that the gateway can reach is the one that we reach it from.
    const { localAddress } = await this.#call('GetExternalIPAddress', [], options);
    const lease = lifetimeMs === Number.POSITIVE_INFINITY ? 0 : Math.round(lifetimeMs / SECOND_MS);
    await this.#call(
      'AddPortMapping',
      [
        ['NewRemoteHost', ''],
        ['NewExternalPort', `${externalPort}`],
        ['NewProtocol', transport.toUpperCase()],
        ['NewInternalPort', `${port}`],
        ['NewInternalClient', localAddress],
        ['NewEnabled', '1'],
        ['NewPortMappingDescription', DESCRIPTION],
        ['NewLeaseDuration', `${lease}`],
      ],
      options,
    );
  }

  /** Errors: GATEWAY_REFUSED with the device's code, GATEWAY_FAILED. */
  async #call(
    action: string,
    fields: readonly (readonly [string, string])[],
    options?: AbortOptions,
  ): Promise<XmlAnswer> {
    const { type, control } = this.#service;
    const inner = fields.map(([name, value]) => `<${name}>${value}</${name}>`).join('');
    const body =
      '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
      's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
      `<u:${action} xmlns:u="${type}">${inner}</u:${action}></s:Body></s:Envelope>\r\n`;
    const headers = {
      'content-type': 'text/xml; charset="utf-8"',
      'content-length': `${Buffer.byteLength(body)}`,
      soapaction: `"${type}#${action}"`,
    };
    const answer = await fetchXml(control, { headers, body }, options);
    if (answer.status === 200) return answer;
    const code = Number(xmlText(answer.text, 'errorCode') ?? Number.NaN);
    const reason = xmlText(answer.text, 'errorDescription') ?? `status ${answer.status}`;
    throw new NodeError('GATEWAY_REFUSED', `The gateway refuses ${action}: ${reason}`, { code, reason, action });
  }
}

/**
 * Reads the description of a device and returns the first of its connections that knows an external address. Undefined
 * when it has none. Errors: GATEWAY_REFUSED, GATEWAY_FAILED.
 */
export async function openIgd(location: URL, options?: AbortOptions): Promise<Gateway | undefined> {
  const { text } = await fetchXml(location, {}, options);
  const base = xmlText(text, 'URLBase') || location.href;
  let failure: unknown;
  for (const element of xmlElements(text, 'service')) {
    const type = xmlText(element, 'serviceType') ?? '';
    const path = xmlText(element, 'controlURL');
    if (!/^urn:schemas-upnp-org:service:WAN(IP|PPP)Connection:[12]$/.test(type) || !path) continue;
    if (!URL.canParse(path, base)) continue;
    const control = new URL(path, base);
    // A device must not send us to others.
    if (control.protocol !== 'http:' || control.hostname !== location.hostname) continue;
    const gateway = new IgdGateway({ type, control });
    try {
      await gateway.externalIp(options);
      return gateway;
    } catch (error) {
      options?.signal?.throwIfAborted();
      failure = error;
    }
  }
  if (failure) throw failure;
  return undefined;
}
