import { isCodexError } from '@codex/runtime';
import type { Call, Route } from '../call.ts';
import type { RoutingNode } from '../components.ts';
import type { ApiContext } from '../context.ts';
import { HttpError, JSON_TYPE, respond, respondJson, TEXT_TYPE } from '../respond.ts';

const LEVEL_HINT = 'Please specify one of: trace, debug, info, notice, warn, error or fatal';

/** Debug routes of 06 §3. `/debug/peer` exists in debug builds of the reference only; here where there is a DHT. */
export function debugRoutes(context: ApiContext): Route[] {
  return [
    { method: 'GET', path: '/debug/info', doc: 'debugInfo', handle: (call) => info(context, call) },
    {
      method: 'POST',
      path: '/debug/chronicles/loglevel',
      doc: 'setLogLevel',
      handle: (call) => setLogLevel(context, call),
    },
    { method: 'GET', path: '/debug/peer/:peerId', doc: 'debugPeer', handle: (call) => peer(context, call) },
  ];
}

/** Pretty-printed, keys in the order of the reference: tools read it with the eye and with `grep`. */
function info(context: ApiContext, call: Call): void {
  const { node, network } = context;
  const body = {
    id: node.peerId,
    addrs: network.listenAddrs(),
    repo: node.repoPath,
    spr: node.spr() ?? '',
    announceAddresses: node.announceAddrs(),
    table: {
      localNode: routingNode({
        nodeId: node.nodeId?.() ?? '',
        peerId: node.peerId,
        record: node.record(),
        address: node.discoveryAddress?.() ?? null,
        seen: false,
      }),
      nodes: (node.routingTable?.() ?? []).map(routingNode),
    },
    codex: { version: node.version, revision: node.revision, contracts: node.contracts },
  };
  respond(call.res, 200, JSON_TYPE, JSON.stringify(body, null, 2));
}

/** Fixes the order of the keys, whatever the component gives. */
function routingNode({ nodeId, peerId, record, address, seen }: RoutingNode): RoutingNode {
  return { nodeId, peerId, record, address, seen };
}

/** The newest record that the DHT has of a peer. */
async function peer({ peers, clock, limits }: ApiContext, call: Call): Promise<void> {
  if (!peers) return respond(call.res, 404);
  const peerId = call.params.peerId ?? '';
  const late = new AbortController();
  const cancel = clock.schedule(limits.connectTimeoutMs, () => late.abort());
  try {
    const found = await peers.find(peerId, { signal: AbortSignal.any([call.signal, late.signal]) });
    if (!found) throw new HttpError(400, 'Unable to find Peer!');
    respondJson(call.res, { peerId, seqNo: found.seq, addresses: found.addresses });
  } catch (error) {
    if (late.signal.aborted) throw new HttpError(400, 'Unable to find Peer!');
    throw error;
  } finally {
    cancel();
  }
}

function setLogLevel(context: ApiContext, call: Call): void {
  const level = call.query.get('level');
  if (level === null) throw new HttpError(400, 'Missing log level');
  try {
    context.logLevels.set(level);
  } catch (error) {
    // The reference's status, though the fault is the client's: its tools look for this text (06 §3).
    if (isCodexError(error)) throw new HttpError(500, LEVEL_HINT);
    throw error;
  }
  respond(call.res, 200, TEXT_TYPE);
}
