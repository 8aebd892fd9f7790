import type { AbortOptions } from '@codex/runtime';
import type { RpcAnswer, RpcCall } from './json-rpc.ts';

/** A way to one end point. All calls of one `send` go out together, and are answered in their order. */
export interface Connection {
  /** Error: `EndpointFailure`, after which nothing is known of the calls. */
  send(calls: readonly RpcCall[], options: AbortOptions): Promise<readonly RpcAnswer[]>;
  close(): void;
}

export interface ConnectionInit {
  readonly url: string;
  /** The end point told of a new head: its block, without transactions, or whatever it says of it. Undefined: it tells no more. */
  readonly onHead: (head: unknown) => void;
  /** It was lost; whoever answers next may be another. */
  readonly onLost: () => void;
}

export type Connect = (init: ConnectionInit) => Connection;
