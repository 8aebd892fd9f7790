import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Endpoint } from '@codex/discovery';

export interface FakePmp {
  readonly at: Endpoint;
  /** `tcp 5000` → external port and seconds. */
  readonly mappings: Map<string, { externalPort: number; seconds: number }>;
  /** Requests that arrived. */
  readonly requests: Buffer[];
  externalIp: string;
  /** Result code of every answer. */
  result: number;
  /** Requests that are not answered from now on. */
  drop: number;
  /** Datagrams that are sent before every answer. */
  noise: readonly Uint8Array[];
  /** External ports that others have. */
  readonly taken: Set<number>;
  /** Seconds granted at most. */
  secondsMax: number;
  close(): Promise<void>;
}

/** A router that speaks NAT-PMP, written from RFC 6886. */
export async function fakePmp(): Promise<FakePmp> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const fake: FakePmp = {
    at: { ip: '127.0.0.1', port: socket.address().port },
    mappings: new Map(),
    requests: [],
    externalIp: '93.184.216.34',
    result: 0,
    drop: 0,
    noise: [],
    taken: new Set(),
    secondsMax: 7200,
    async close() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
  socket.on('message', (request, from) => {
    fake.requests.push(Buffer.from(request));
    if (fake.drop > 0) {
      fake.drop--;
      return;
    }
    const opcode = request[1] ?? 0;
    const answer = Buffer.alloc(opcode === 0 ? 12 : 16);
    answer.writeUInt8(128 + opcode, 1);
    answer.writeUInt16BE(fake.result, 2);
    answer.writeUInt32BE(77, 4);
    if (fake.result === 0 && opcode === 0) answer.set(fake.externalIp.split('.').map(Number), 8);
    if (fake.result === 0 && opcode > 0) {
      const port = request.readUInt16BE(4);
      const seconds = Math.min(fake.secondsMax, request.readUInt32BE(8));
      let externalPort = request.readUInt16BE(6);
      while (fake.taken.has(externalPort)) externalPort++;
      const name = `${opcode === 1 ? 'udp' : 'tcp'} ${port}`;
      if (seconds === 0) fake.mappings.delete(name);
      else fake.mappings.set(name, { externalPort, seconds });
      answer.writeUInt16BE(port, 8);
      answer.writeUInt16BE(seconds === 0 ? 0 : externalPort, 10);
      answer.writeUInt32BE(seconds, 12);
    }
    for (const bytes of fake.noise) socket.send(bytes, from.port, from.address);
    socket.send(answer, from.port, from.address);
  });
  return fake;
}
