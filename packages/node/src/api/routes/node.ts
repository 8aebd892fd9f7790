import { isCodexError } from '@codex/runtime';
import { prefersText } from '../accept.ts';
import type { Call, Route } from '../call.ts';
import type { FoundPeer } from '../components.ts';
import type { ApiContext } from '../context.ts';
import { HttpError, respondJson, respondText } from '../respond.ts';

/** Routes of 06 §3 that clients use. */
export function nodeRoutes(context: ApiContext): Route[] {
  const peerId = (call: Call) => textOrJson(call, 'id', context.node.peerId);
  return [
    { method: 'GET', path: '/spr', doc: 'spr', handle: (call) => spr(context, call) },
    { method: 'GET', path: '/peerid', doc: 'peerId', handle: peerId },
    // codex-js asks here (06 §8).
    { method: 'GET', path: '/node/peerid', doc: 'nodePeerId', handle: peerId },
    { method: 'GET', path: '/connect/:peerId', doc: 'connect', handle: (call) => connect(context, call) },
  ];
}

function textOrJson(call: Call, key: string, value: string): void {
  if (prefersText(call.req.headers.accept)) respondText(call.res, value);
  else respondJson(call.res, { [key]: value });
}

function spr(context: ApiContext, call: Call): void {
  const record = context.node.spr();
  if (record === undefined) throw new HttpError(503, 'The record of this node is not available yet');
  textOrJson(call, 'spr', record);
}

async function connect(context: ApiContext, call: Call): Promise<void> {
  const peer = call.params.peerId ?? '';
  const addrs = call.query.getAll('addrs').filter((addr) => addr !== '');
  const { connectAddrs, connectTimeoutMs } = context.limits;
  if (addrs.length > connectAddrs) throw new HttpError(400, `More than ${connectAddrs} addresses`);
  const late = new AbortController();
  const cancel = context.clock.schedule(connectTimeoutMs, () => late.abort());
  const signal = AbortSignal.any([call.signal, late.signal]);
  let record: FoundPeer | undefined;
  try {
    if (addrs.length === 0) record = await context.peers?.find(peer, { signal });
    await context.network.connect(peer, record?.dialable ?? addrs, { signal });
  } catch (error) {
    if (isCodexError(error, 'PEER_ID_INVALID')) throw new HttpError(400, 'peerid: incorrect PeerId string');
    // The reference's texts (06 §3): found but not reached, or nowhere to be found.
    if (record && (late.signal.aborted || isCodexError(error, 'ADDRESS_INVALID', 'DIAL_FAILED')))
      throw new HttpError(400, 'Unable to dial peer');
    if (isCodexError(error, 'ADDRESS_INVALID')) throw new HttpError(400, 'Unable to find Peer!');
    if (isCodexError(error, 'DIAL_FAILED') || late.signal.aborted) {
      throw new HttpError(400, addrs.length > 0 ? 'Unable to dial peer' : 'Unable to find Peer!');
    }
    throw error;
  } finally {
    cancel();
  }
  respondText(call.res, 'Successfully connected to peer');
}
