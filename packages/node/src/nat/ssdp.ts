import { createSocket, type Socket } from 'node:dgram';
import type { Endpoint } from '@codex/discovery';
import { systemClock } from '@codex/runtime';

/** Where UPnP devices listen (UPnP Device Architecture 1.1 §1.3). */
export const SSDP_GROUP: Endpoint = { ip: '239.255.255.250', port: 1900 };
const TARGETS = [1, 2].map((version) => `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`);
/** Datagrams get lost, so everything is asked twice. */
const REPEAT_MS = 300;
/** Seconds over which devices may spread their answers. */
const SPREAD_S = 1;
/** Links to devices that are followed in one search; a network has one or two gateways. */
const LOCATIONS_MAX = 8;
const ANSWER_MAX_BYTES = 4096;

/**
 * Asks for gateways from each address of `sources` and calls `onLocation` with the URL of each one's description, until
 * the signal is aborted. A device can only name itself: URLs of other hosts are ignored.
 */
export function searchGateways(
  init: { readonly group: Endpoint; readonly sources: readonly string[]; readonly signal: AbortSignal },
  onLocation: (location: URL) => void,
): void {
  const { group, signal } = init;
  const seen = new Set<string>();
  const onAnswer = (answer: Buffer, from: string) => {
    const location = answer.length <= ANSWER_MAX_BYTES ? locationOf(answer.toString('latin1')) : undefined;
    if (location?.protocol !== 'http:' || location.hostname !== from || seen.has(location.href)) return;
    if (seen.size >= LOCATIONS_MAX) return;
    seen.add(location.href);
    onLocation(location);
  };
  const sockets = init.sources.map((source) => {
    const socket = createSocket('udp4');
    // An interface that cannot multicast is no reason to give up the others.
    socket.on('error', () => {});
    socket.on('message', (answer, from) => onAnswer(answer, from.address));
    socket.bind(0, source, () => ask(socket, group));
    return socket;
  });
  const cancelRepeat = systemClock.schedule(REPEAT_MS, () => {
    for (const socket of sockets) ask(socket, group);
  });
  const close = () => {
    cancelRepeat();
    for (const socket of sockets) socket.close();
  };
  if (signal.aborted) close();
  else signal.addEventListener('abort', close, { once: true });
}

function ask(socket: Socket, group: Endpoint): void {
  for (const target of TARGETS) {
    const lines = [
      'M-SEARCH * HTTP/1.1',
      `HOST: ${group.ip}:${group.port}`,
      'MAN: "ssdp:discover"',
      `MX: ${SPREAD_S}`,
      `ST: ${target}`,
      '',
      '',
    ];
    socket.send(lines.join('\r\n'), group.port, group.ip, () => {});
  }
}

function locationOf(answer: string): URL | undefined {
  if (!/^HTTP\/1\.[01] 200 /.test(answer)) return undefined;
  const url = /^location:[ \t]*(\S+)[ \t]*$/im.exec(answer)?.[1];
  return url && URL.canParse(url) ? new URL(url) : undefined;
}
