import { type DatagramSocket, type Endpoint, Messenger, SignedRecord } from '@codex/discovery';
import { seededRandom } from '@codex/runtime';
import { rounded, type ScenarioResult } from '../../result.ts';
import { DhtNetwork, type SimulatedNode } from '../network.ts';

export interface ReflectionParameters {
  readonly seed: number;
  readonly nodes: number;
  /** Datagrams of each kind that are sent to each node. */
  readonly floods?: number;
}

/** What a reply may have for each byte of a request whose sender proved nothing. */
const AMPLIFICATION_MAX = 3;
const APART_MS = 5;
const SMALLEST_BYTES = 63;

/**
 * Requests with the forged address of a victim. The victim's socket sends them here itself, which the network cannot
 * tell from forgery, and answers nothing: whatever arrives there is what the attack brings.
 */
export async function reflection({ seed, nodes, floods = 50 }: ReflectionParameters): Promise<ScenarioResult> {
  const network = new DhtNetwork({ seed, faults: { latencyMs: () => 20 } });
  await network.grow(nodes);
  await network.clock.advance(30_000);
  const targets = network.nodes.filter(({ discovery }) => discovery.local);
  const figures: Record<string, number> = {};
  const ratios: number[] = [];
  const measure = async (kind: string, at: Endpoint, flood: () => Promise<void>) => {
    const traffic = network.datagrams.of(at);
    const before = { ...traffic };
    await flood();
    await network.clock.advance(5_000);
    const sent = traffic.sentBytes - before.sentBytes;
    const received = traffic.receivedBytes - before.receivedBytes;
    const ratio = sent === 0 ? 0 : received / sent;
    figures[`${kind}: bytes sent`] = sent;
    figures[`${kind}: bytes for each of them`] = rounded(ratio);
    ratios.push(ratio);
  };
  const each = async (send: (node: SimulatedNode, to: Endpoint) => void) => {
    for (let i = 0; i < floods; i++) {
      for (const node of targets) if (node.discovery.local) send(node, node.discovery.local);
      await network.clock.advance(APART_MS);
    }
  };

  const opening = { ip: network.address(), port: 1 };
  await measure('opening packets', opening, () => openings(network, opening, each));

  const noise = { ip: network.address(), port: 1 };
  const socket = await network.datagrams.bind(noise);
  await measure('noise', noise, () => each((_, to) => socket.send(to, network.random.bytes(SMALLEST_BYTES))));

  const replay = { ip: network.address(), port: 1 };
  const replaying = await network.datagrams.bind(replay);
  const recorded = await record(network, targets);
  await measure('replays of real packets', replay, () =>
    each((node, to) => {
      const packets = recorded.get(node) ?? [];
      const packet = packets[network.random.int(Math.max(1, packets.length))];
      if (packet) replaying.send(to, packet);
    }),
  );
  await Promise.all([network.stop(), socket.close(), replaying.close()]);
  return {
    scenario: 'dht-reflection',
    parameters: { seed, nodes, floods },
    figures,
    checks: [{ what: 'bytes for each byte', value: Math.max(...ratios), atMost: AMPLIFICATION_MAX }],
    plots: [],
  };
}

/** What a node sends that begins a conversation; the challenges in return reach the victim, who ignores them. */
async function openings(
  network: DhtNetwork,
  listen: Endpoint,
  each: (send: (node: SimulatedNode, to: Endpoint) => void) => Promise<void>,
): Promise<void> {
  const identity = network.identity();
  const own = SignedRecord.sign(identity, { seq: 1, addresses: [`/ip4/${listen.ip}/udp/${listen.port}`] });
  const { clock, curve, records, datagrams } = network;
  const deaf = {
    async bind(at: Endpoint): Promise<DatagramSocket> {
      const socket = await datagrams.bind(at);
      return { ...socket, onDatagram() {} };
    },
  };
  const random = seededRandom(network.random.int(2 ** 32));
  const messenger = new Messenger(
    { identity, datagrams: deaf, clock, random, curve, records, localRecord: () => own, knownRecord: () => undefined },
    { listen },
  );
  await messenger.start();
  const asked: Promise<unknown>[] = [];
  await each((node, endpoint) => {
    const { record } = node.discovery;
    asked.push(messenger.request({ id: record.nodeId, endpoint, record }, { kind: 'ping', seq: 1 }).catch(() => {}));
  });
  await network.until(Promise.all(asked));
  await messenger.stop();
}

/** Packets that nodes sent to each target in the course of a minute. */
async function record(
  network: DhtNetwork,
  targets: readonly SimulatedNode[],
): Promise<Map<SimulatedNode, Uint8Array[]>> {
  const byAddress = new Map(targets.map((node) => [node.discovery.local?.ip, node]));
  const recorded = new Map<SimulatedNode, Uint8Array[]>();
  const forget = network.datagrams.listen((to, bytes) => {
    const node = byAddress.get(to.ip);
    if (!node) return;
    const packets = recorded.get(node) ?? [];
    packets.push(Uint8Array.from(bytes));
    recorded.set(node, packets);
  });
  await network.clock.advance(60_000);
  forget();
  return recorded;
}
