import { type IncomingMessage, request } from 'node:http';
import type { AbortOptions } from '@codex/runtime';
import { NodeError } from '../errors.ts';

/** Descriptions of routers are some 10 KB; one that sends more is no router. */
const DOCUMENT_MAX_BYTES = 256 * 1024;

export interface XmlAnswer {
  readonly status: number;
  readonly text: string;
  /** The address of this machine that faces the device. */
  readonly localAddress: string;
}

/** One request to a device of the local network; redirects are not followed. Error: GATEWAY_FAILED. */
export async function fetchXml(
  url: URL,
  init: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string },
  options?: AbortOptions,
): Promise<XmlAnswer> {
  try {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request(url, {
      method: init.body === undefined ? 'GET' : 'POST',
      agent: false,
      headers: { ...init.headers, connection: 'close' },
      ...(options?.signal && { signal: options.signal }),
    });
    outgoing.on('response', resolve).on('error', reject);
    outgoing.end(init.body);
    const incoming = await promise;
    const localAddress = incoming.socket.localAddress ?? '';
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of incoming as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > DOCUMENT_MAX_BYTES) throw new RangeError('the answer is too long');
      parts.push(part);
    }
    return { status: incoming.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8'), localAddress };
  } catch (cause) {
    options?.signal?.throwIfAborted();
    throw new NodeError('GATEWAY_FAILED', 'The gateway cannot be asked', { url: url.href }, { cause });
  }
}

/** The text of the first element of that name, whatever its namespace; undefined when there is none without children. */
export function xmlText(xml: string, name: string): string | undefined {
  const text = new RegExp(`<(?:[\\w.-]+:)?${name}(?:\\s[^<>]*)?>([^<]*)<`).exec(xml)?.[1];
  return text?.trim().replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/** The contents of all elements of that name, which do not nest. Linear in the length, whatever is sent. */
export function xmlElements(xml: string, name: string): string[] {
  const parts = xml.split(new RegExp(`<${name}(?:\\s[^<>]*)?>`)).slice(1);
  return parts.map((part) => part.split(`</${name}>`, 1)[0] ?? '');
}
