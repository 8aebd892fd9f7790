/** One call of JSON-RPC. */
export interface RpcCall {
  readonly method: string;
  readonly params?: readonly unknown[];
}

export interface RpcErrorBody {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** What a back end answered. */
export interface RpcAnswer {
  readonly result?: unknown;
  readonly error?: RpcErrorBody;
}

/** Why an end point gave no answer; another may. */
export type FailureKind = 'unreachable' | 'rate-limited' | 'behind' | 'wrong-chain';

export class EndpointFailure extends Error {
  override readonly name = 'EndpointFailure';
  readonly kind: FailureKind;
  /** What the end point asks for, if it does. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions & { retryAfterMs?: number | undefined }) {
    super(message, options);
    this.kind = kind;
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** What stands for an address in logs: paths and user names of end points are often secrets. */
export function placeOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin.replace('null', new URL(url).protocol + new URL(url).host) : 'invalid';
}

const LIMITED = /rate.?limit|too many requests|request limit|capacity|throttl|quota|try again later/i;
const RANGE = /range|results?\b|response size|logs? (?:matched|exceed)|timeout|timed out|too (?:large|big)/i;
const BEHIND =
  /unknown block|(?:header|block) (?:not|for hash not) found|not found: block|beyond current head|missing trie node|future block|could not find block|block .*(?:not|isn't) available|out of range/i;
const LIMIT_EXCEEDED = -32005;

/** An answer that says something about the back end and nothing about the call: another back end may do better. */
export function transientKind({ code, message }: RpcErrorBody): FailureKind | undefined {
  if (code === 429 || (code === LIMIT_EXCEEDED && !RANGE.test(message)) || LIMITED.test(message)) return 'rate-limited';
  return BEHIND.test(message) ? 'behind' : undefined;
}

/** Whether a query of logs was refused for its size: a smaller one will do. */
export function isTooWide({ code, message }: RpcErrorBody): boolean {
  return code === LIMIT_EXCEEDED || RANGE.test(message);
}

/** Pairs answers with calls by their ids, in whatever order and number they came. Undefined where one is missing. */
export function pairAnswers(bodies: readonly unknown[], firstId: number, count: number): (RpcAnswer | undefined)[] {
  const answers: (RpcAnswer | undefined)[] = new Array(count).fill(undefined);
  for (const body of bodies) {
    const { id, result, error } = (body ?? {}) as { id?: unknown; result?: unknown; error?: unknown };
    if (typeof id !== 'number') continue;
    const at = id - firstId;
    if (!Number.isInteger(at) || at < 0 || at >= count || answers[at]) continue;
    if (isErrorBody(error)) answers[at] = { error };
    else if (result !== undefined) answers[at] = { result };
  }
  return answers;
}

export function isErrorBody(value: unknown): value is RpcErrorBody {
  const { code, message } = (value ?? {}) as { code?: unknown; message?: unknown };
  return typeof code === 'number' && typeof message === 'string';
}
