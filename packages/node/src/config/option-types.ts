import { isIP } from 'node:net';
import { parseAddress, parsePeerAddress } from '@codex/discovery';
import { parseDuration, parseSize } from '@codex/runtime';
import { LogLevels } from '../logging/levels.ts';

/** How the text of an option becomes a value. `parse` throws any error for text that is not allowed. */
export interface OptionType<T> {
  /** Placeholder in help texts. */
  readonly name: string;
  /** What is allowed, as the end of the sentence "it must be …". */
  readonly allowed: string;
  readonly parse: (text: string) => T;
}

function refuse(): never {
  throw new RangeError('not allowed');
}

export const text: OptionType<string> = { name: 'text', allowed: 'some text', parse: (value) => value || refuse() };

export const path: OptionType<string> = { name: 'path', allowed: 'a path', parse: (value) => value || refuse() };

/** A file whose name ends as those of its kind do. */
export function fileOf(suffix: string): OptionType<string> {
  return {
    name: 'path',
    allowed: `a path that ends in ${suffix}`,
    parse: (value) => (value.endsWith(suffix) ? value : refuse()),
  };
}

export const sha256: OptionType<string> = {
  name: 'hex',
  allowed: '64 hex digits',
  parse: (value) => (/^(0x)?[0-9a-f]{64}$/i.test(value) ? value.replace(/^0x/i, '').toLowerCase() : refuse()),
};

export const flag: OptionType<boolean> = {
  name: 'bool',
  allowed: 'true or false',
  parse(value) {
    const lower = value.toLowerCase();
    if (['true', '1', 'yes', 'on'].includes(lower)) return true;
    if (['false', '0', 'no', 'off'].includes(lower)) return false;
    return refuse();
  },
};

export function choice<const T extends string>(...choices: T[]): OptionType<T> {
  return {
    name: choices.join('|'),
    allowed: `one of ${choices.join(', ')}`,
    parse: (value) => choices.find((item) => item === value.toLowerCase()) ?? refuse(),
  };
}

export function count(min: number, max: number): OptionType<number> {
  return {
    name: 'number',
    allowed: `a whole number from ${min} to ${max}`,
    parse(value) {
      const number = Number(value);
      return /^\d+$/.test(value) && number >= min && number <= max ? number : refuse();
    },
  };
}

/** A number that is taken because the reference takes it, but which cannot be another. */
export function exactly(only: number): OptionType<number> {
  return { name: 'number', allowed: String(only), parse: (value) => (value === String(only) ? only : refuse()) };
}

export const port = count(0, 65_535);

/** 0 = one per core; a pool of one thread is refused as in the reference, where it dead-locks. */
export const threads: OptionType<number> = {
  name: 'number',
  allowed: '0 (one per core, 16 at most) or a whole number from 2 to 256',
  parse(value) {
    const number = count(0, 256).parse(value);
    return number === 1 ? refuse() : number;
  },
};

/** Bytes: a number with an optional unit, `20GiB` = `20g` = `20GB`. */
export const size: OptionType<number> = {
  name: 'size',
  allowed: 'a size in bytes or with a unit, such as 500m or 20GiB (units are powers of 1024)',
  parse: (value) => parseSize(value) ?? refuse(),
};

/** Milliseconds, from a number of seconds or a number with a unit. */
export const duration: OptionType<number> = {
  name: 'duration',
  allowed: 'a duration in seconds or with a unit (s, m, h, d, w), such as 90s or 30d',
  parse: (value) => parseDuration(value) ?? refuse(),
};

export const bindAddress: OptionType<string> = {
  name: 'ip',
  allowed: 'an IP address or localhost',
  parse: (value) => (value === 'localhost' || isIP(value) !== 0 ? value : refuse()),
};

export const listenAddress: OptionType<string> = {
  name: 'multiaddr',
  allowed: 'a TCP multiaddr such as /ip4/0.0.0.0/tcp/8070',
  parse(value) {
    const address = parseAddress(value);
    return address && address.kind !== 'dns' && address.transport === 'tcp' ? value : refuse();
  },
};

const EXAMPLE_PEER = '/ip4/192.0.2.1/tcp/8070/p2p/16Uiu2…';

export const relayAddress: OptionType<string> = {
  name: 'multiaddr',
  allowed: `a multiaddr with a peer id, such as ${EXAMPLE_PEER}`,
  parse: (value) => (parsePeerAddress(value) ? value : refuse()),
};

export const peerAddress: OptionType<string> = {
  name: 'multiaddr',
  allowed: `a multiaddr with a peer id, such as ${EXAMPLE_PEER}, or behind a relay, …/p2p/16Uiu2…/p2p-circuit/p2p/16Uiu2…`,
  parse(value) {
    const [relay = '', peer, ...more] = value.split('/p2p-circuit/p2p/');
    if (more.length > 0 || !parsePeerAddress(relay)) return refuse();
    // A peer id is judged as the end of an address, because it has no reader of its own.
    return peer === undefined || parsePeerAddress(relay.replace(/[^/]+$/, peer)) ? value : refuse();
  },
};

const CHAIN_PROTOCOLS = new Set(['http:', 'https:', 'ws:', 'wss:']);

/** One end point of a chain, or several with commas between them. */
export const ethProviders: OptionType<readonly string[]> = {
  name: 'url,…',
  allowed: 'an http, https, ws or wss URL, or several with commas between them',
  parse(value) {
    const urls = value.split(',').map((url) => url.trim());
    return urls.every((url) => CHAIN_PROTOCOLS.has(new URL(url).protocol)) ? urls : refuse();
  },
};

export const ethAddress: OptionType<`0x${string}`> = {
  name: 'address',
  allowed: '0x and 40 hex digits',
  parse: (value) => (/^0x[0-9a-f]{40}$/i.test(value) ? (value.toLowerCase() as `0x${string}`) : refuse()),
};

export const recordUri: OptionType<string> = {
  name: 'spr',
  allowed: 'a signed peer record, spr:…',
  parse: (value) => (/^spr:[A-Za-z0-9_-]+$/.test(value) ? value : refuse()),
};

/** How the announced addresses come about (07 §2). */
export type NatSetting =
  | { readonly mode: 'any' | 'none' | 'upnp' | 'pmp' }
  | { readonly mode: 'extip'; readonly ip: string };

export const nat: OptionType<NatSetting> = {
  name: 'any|none|upnp|pmp|extip:<ip>',
  allowed: 'any, none, upnp, pmp or extip:<ip>',
  parse(value) {
    const lower = value.toLowerCase();
    const mode = (['any', 'none', 'upnp', 'pmp'] as const).find((item) => item === lower);
    if (mode) return { mode };
    const ip = lower.startsWith('extip:') ? value.slice('extip:'.length) : '';
    return isIP(ip) !== 0 ? { mode: 'extip', ip } : refuse();
  },
};

export const logLevel: OptionType<string> = {
  name: 'level[;level:topic,…]',
  allowed: 'trace, debug, info, notice, warn, error or fatal, then ;<level>:<topic>,<topic>… for single topics',
  parse(value) {
    LogLevels.parse(value);
    return value;
  },
};

export const origin: OptionType<string> = {
  name: 'origin',
  allowed: '* or an origin such as https://app.example.org',
  parse: (value) => (/^\S+$/.test(value) ? value : refuse()),
};
