import { createSocket } from 'node:dgram';
import type { Endpoint } from '@codex/discovery';
import { type AbortOptions, type Cancel, type Clock, systemClock } from '@codex/runtime';
import { NodeError } from '../errors.ts';
import { defaultGateway } from './default-gateway.ts';
import type { Gateway, PortMapper, PortMapping, Transport } from './port-mapper.ts';

/** RFC 6886 §1.1. */
const PMP_PORT = 5351;
const OPCODE_EXTERNAL_IP = 0;
const OPCODES: Readonly<Record<Transport, number>> = { udp: 1, tcp: 2 };
const RESPONSE = 128;
const RESULTS = [
  'success',
  'unsupported version',
  'not authorized',
  'network failure',
  'out of resources',
  'unsupported opcode',
];
/** Waits for an answer, each followed by another try but the last (RFC 6886 §3.1, shortened: routers are near). */
const WAITS_MS = [250, 500, 1000, 2000];
const SECOND_MS = 1000;

/** A router that speaks NAT-PMP (RFC 6886). */
class PmpGateway implements Gateway {
  readonly protocol = 'pmp';
  readonly name: string;
  readonly #at: Endpoint;
  readonly #clock: Clock;

  constructor(at: Endpoint, clock: Clock) {
    this.#at = at;
    this.#clock = clock;
    this.name = at.ip;
  }

  async externalIp(options?: AbortOptions): Promise<string> {
    const answer = await this.#ask(Uint8Array.of(0, OPCODE_EXTERNAL_IP), 12, options);
    return answer.subarray(8, 12).join('.');
  }

  async map(wanted: PortMapping, options?: AbortOptions): Promise<PortMapping> {
    const { transport, port, externalPort } = wanted;
    const seconds = Math.round(wanted.lifetimeMs / SECOND_MS);
    const answer = await this.#ask(mapRequest(transport, port, externalPort, seconds), 16, options);
    const granted = { externalPort: answer.readUInt16BE(10), lifetimeMs: answer.readUInt32BE(12) * SECOND_MS };
    if (answer.readUInt16BE(8) !== port || granted.externalPort === 0 || granted.lifetimeMs === 0) {
      throw new NodeError('GATEWAY_FAILED', 'The gateway answered for another mapping', { gateway: this.name });
    }
    return { transport, port, ...granted };
  }

  async unmap(mapping: PortMapping, options?: AbortOptions): Promise<void> {
    await this.#ask(mapRequest(mapping.transport, mapping.port, 0, 0), 16, options);
  }

  /** Sends until an answer of `length` bytes comes. Errors: GATEWAY_REFUSED, GATEWAY_FAILED. */
  async #ask(request: Uint8Array, length: number, options?: AbortOptions): Promise<Buffer> {
    const socket = createSocket(this.#at.ip.includes(':') ? 'udp6' : 'udp4');
    const answered = Promise.withResolvers<Buffer>();
    answered.promise.catch(() => {});
    const fail = (cause?: unknown) => {
      const data = { gateway: this.name };
      answered.reject(new NodeError('GATEWAY_FAILED', 'The gateway does not answer NAT-PMP', data, { cause }));
    };
    const onAbort = () => answered.reject(options?.signal?.reason);
    options?.signal?.addEventListener('abort', onAbort, { once: true });
    let closed = false;
    let cancel: Cancel = () => {};
    const attempt = (round: number) => {
      const waitMs = WAITS_MS[round];
      if (closed) return;
      if (waitMs === undefined) return fail();
      socket.send(request);
      cancel = this.#clock.schedule(waitMs, () => attempt(round + 1));
    };
    // A port that nobody serves is reported as an error, at once.
    socket.on('error', fail);
    socket.on('message', (answer) => {
      if (answer.length < 4 || answer[1] !== RESPONSE + (request[1] ?? 0)) return;
      const result = answer.readUInt16BE(2);
      if (result !== 0) {
        const reason = RESULTS[result] ?? `result ${result}`;
        answered.reject(new NodeError('GATEWAY_REFUSED', `The gateway refuses: ${reason}`, { code: result, reason }));
      } else if (answer.length >= length) {
        answered.resolve(answer);
      }
    });
    // Connected, so that only the gateway's own datagrams arrive (RFC 6886 §3.1).
    socket.connect(this.#at.port, this.#at.ip, () => attempt(0));
    try {
      options?.signal?.throwIfAborted();
      return await answered.promise;
    } finally {
      closed = true;
      cancel();
      options?.signal?.removeEventListener('abort', onAbort);
      socket.close();
    }
  }
}

function mapRequest(transport: Transport, port: number, externalPort: number, seconds: number): Uint8Array {
  const request = Buffer.alloc(12);
  request.writeUInt8(OPCODES[transport], 1);
  request.writeUInt16BE(port, 4);
  request.writeUInt16BE(externalPort, 6);
  request.writeUInt32BE(seconds, 8);
  return request;
}

/** Asks the default gateway, or the given one, whether it speaks NAT-PMP. */
export class PmpMapper implements PortMapper {
  readonly protocol = 'pmp';
  readonly #at: Endpoint | undefined;
  readonly #clock: Clock;

  constructor(init: { readonly at?: Endpoint; readonly clock?: Clock } = {}) {
    this.#at = init.at;
    this.#clock = init.clock ?? systemClock;
  }

  async find(options?: AbortOptions): Promise<Gateway | undefined> {
    const ip = this.#at?.ip ?? (await defaultGateway(options));
    if (ip === undefined) return undefined;
    const gateway = new PmpGateway({ ip, port: this.#at?.port ?? PMP_PORT }, this.#clock);
    await gateway.externalIp(options);
    return gateway;
  }
}
