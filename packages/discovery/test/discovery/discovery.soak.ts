import { expect, it } from 'vitest';
import { compareDistance } from '../../src/identity/node-id.ts';
import { TestNetwork } from './network.ts';

const COUNT = process.env.SOAK === 'short' ? 200 : 1000;
const HOURS = process.env.SOAK === 'short' ? 0.2 : 2;
const SEED = Number(process.env.SEED ?? 51);

it(`${COUNT} nodes, of which many come, go and lose packets, still find what was announced (SEED=${SEED})`, async () => {
  const network = new TestNetwork(SEED, { latencyMs: () => 40, jitterMs: 40, loss: 0.02 });
  const { random } = network;
  await network.grow(COUNT, 20);
  const some = () => network.nodes[1 + random.int(network.nodes.length - 1)]!;
  const killed: typeof network.nodes = [];
  const announced: { content: ReturnType<typeof network.someId>; peerId: string }[] = [];
  for (let i = 0; i < 20; i++) {
    const identity = network.identity();
    const provider = await network.add({ identity, bootstrap: [some().record] });
    await network.until(provider.joined);
    const content = network.someId();
    await network.until(provider.provide(content, network.providerRecord(identity)));
    announced.push({ content, peerId: identity.peerId });
  }
  // A third of the nodes is exchanged.
  for (let i = 0; i < COUNT / 3; i++) {
    const victim = some();
    killed.push(victim);
    network.kill(victim);
    await network.add({ bootstrap: [some().record, network.nodes[0]!.record] });
    await network.clock.advance((HOURS * 3_600_000) / (COUNT / 3));
  }
  let found = 0;
  for (const { content, peerId } of announced) {
    const records = await network.until(some().findProviders(content));
    if (records.some((record) => record.peerId === peerId)) found++;
  }
  expect(found).toBeGreaterThanOrEqual(19);
  const target = network.someId();
  const { closest, hops } = await network.until(some().lookup(target));
  const nearest = network.nodes
    .map(({ nodeId }) => nodeId)
    .sort((a, b) => compareDistance(target, a, b))
    .slice(0, 16)
    .map(({ hex }) => hex);
  expect(closest.filter(({ nodeId }) => nearest.includes(nodeId.hex)).length).toBeGreaterThanOrEqual(13);
  expect(hops).toBeLessThanOrEqual(6);
  await Promise.all([network.stop(), ...killed.map((node) => node.stop())]);
});
