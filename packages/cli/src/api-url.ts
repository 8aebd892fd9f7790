import { CliError } from './errors.ts';

const BASE_PATH = '/api/codex/v1';
const DEFAULT_PORT = '8080';

export interface ApiSelection {
  /** `http://host:port`, with or without the base path. */
  readonly api?: string | undefined;
  readonly apiPort?: string | undefined;
}

/**
 * The base URL of the node to talk to: `--api`, `--api-port`, then the variables CODEX_API, CODEX_API_PORT and
 * CODEX_API_BINDADDR (the node's own, so that one environment serves both), then 127.0.0.1:8080. Error: USAGE.
 */
export function apiUrl(selection: ApiSelection, env: Readonly<Record<string, string | undefined>>): URL {
  const explicit = selection.api ?? (selection.apiPort === undefined ? env.CODEX_API : undefined);
  if (explicit) return parseUrl(explicit);
  const port = selection.apiPort ?? (env.CODEX_API_PORT || DEFAULT_PORT);
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw new CliError('USAGE', `${JSON.stringify(port)} is no port of a REST API`, { port });
  }
  return parseUrl(`http://${reachable(env.CODEX_API_BINDADDR)}:${port}`);
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new CliError('USAGE', `${JSON.stringify(text)} is no http:// or https:// URL of a node`, { url: text });
  }
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path === '' ? BASE_PATH : path;
  url.search = '';
  url.hash = '';
  return url;
}

/** A node bound to all addresses is reached at the local one. */
function reachable(bindAddress: string | undefined): string {
  if (!bindAddress || bindAddress === '0.0.0.0' || bindAddress === '::') return '127.0.0.1';
  return bindAddress.includes(':') ? `[${bindAddress}]` : bindAddress;
}
