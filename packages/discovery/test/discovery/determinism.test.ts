import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { DatagramNetwork } from '../../src/datagram/datagram.ts';
import { endpointText } from '../../src/datagram/datagram.ts';
import { TestNetwork } from './network.ts';

/** Hashes when who sent how much to whom: signatures of records differ from run to run, in length too. */
async function trace(seed: number): Promise<{ hash: string; packets: number }> {
  const network = new TestNetwork(seed, { latencyMs: () => 20, jitterMs: 30, loss: 0.05 });
  const hash = createHash('sha256');
  let packets = 0;
  const { datagrams, clock } = network;
  const bind = datagrams.bind.bind(datagrams);
  const traced: DatagramNetwork['bind'] = async (at) => {
    const socket = await bind(at);
    const send = socket.send.bind(socket);
    socket.send = (to, bytes) => {
      packets++;
      hash.update(`${clock.now()} ${endpointText(socket.local)} ${endpointText(to)}\n`);
      send(to, bytes);
    };
    return socket;
  };
  datagrams.bind = traced;
  const nodes = await network.grow(20);
  for (let i = 0; i < 3; i++) {
    await network.until(nodes[i]!.provide(network.someId(), nodes[i]!.record));
    await network.until(nodes[i + 5]!.findProviders(network.someId()));
  }
  network.kill(nodes[2]!);
  await clock.advance(5 * 60_000);
  await Promise.all([network.stop(), nodes[2]!.stop()]);
  return { hash: hash.digest('hex'), packets };
}

describe('two networks of one seed', () => {
  it('send the same packets at the same times; of another seed, others', async () => {
    const first = await trace(41);
    expect(first.packets).toBeGreaterThan(2000);
    expect(await trace(41)).toEqual(first);
    expect(await trace(42)).not.toEqual(first);
  });
});
