import type { RpcErrorBody } from '../rpc/json-rpc.ts';

/** What a node says to a transaction that it does not take. */
export type Said = 'known' | 'used' | 'underpriced' | 'other';

const KNOWN = /already known|already imported|known transaction|already exists|already in (?:the )?(?:pool|mempool)/i;
const USED =
  /nonce(?: is)? too low|nonce has already been used|invalid (?:transaction )?nonce|oldnonce|nonce .*(?:lower|less) than/i;
const UNDERPRICED =
  /underpriced|fee too low|gas price too low|feetoolow|less than block base fee|lower than .*base fee|max fee per gas/i;

export function saidOf({ message }: RpcErrorBody): Said {
  if (KNOWN.test(message)) return 'known';
  if (USED.test(message)) return 'used';
  return UNDERPRICED.test(message) ? 'underpriced' : 'other';
}
