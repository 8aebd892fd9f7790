import { join } from 'node:path';
import type { Timing } from '../src/http-client.ts';
import { RivalProcess } from '../src/rival-process.ts';
import { installHelia } from './helia/load.ts';

/** A pair of processes, one of which fetches from the other whenever it is asked to. */
export interface TransferRival {
  readonly name: string;
  readonly pids: readonly number[];
  fetch(): Promise<Timing>;
  stop(): Promise<void>;
}

export async function rawStream(file: string): Promise<TransferRival> {
  const module = new URL('./rival-libp2p.ts', import.meta.url);
  const server = new RivalProcess(module, ['serve', file]);
  const { addr } = await server.next<{ addr: string }>();
  const client = new RivalProcess(module, ['fetch', addr]);
  await client.next();
  return pair('libp2p stream', server, client);
}

export async function heliaBitswap(file: string, directory: string): Promise<TransferRival> {
  installHelia();
  const module = new URL('./rival-helia.ts', import.meta.url);
  const server = new RivalProcess(module, ['serve', file, join(directory, 'helia-a')]);
  const { addr, cid } = await server.next<{ addr: string; cid: string }>();
  const client = new RivalProcess(module, ['fetch', addr, join(directory, 'helia-b'), cid]);
  await client.next();
  return pair('Helia bitswap', server, client);
}

function pair(name: string, server: RivalProcess, client: RivalProcess): TransferRival {
  return {
    name,
    pids: [server.pid, client.pid],
    fetch: () => client.ask<Timing>({ go: true }),
    async stop() {
      await client.stop();
      await server.stop();
    },
  };
}
