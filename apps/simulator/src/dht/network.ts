import {
  Discovery,
  Identity,
  type LinkFaults,
  MemoryDatagrams,
  NodeId,
  RecordReader,
  SignedRecord,
  secp256k1Curve,
} from '@codex/discovery';
import { type Random, seededRandom, VirtualClock } from '@codex/runtime';
import { CountedDatagrams, type Traffic } from './counted-datagrams.ts';
import { SimulatedCurve } from './simulated-curve.ts';

const START_MS = 1_700_000_000_000;
/** Records of all nodes and of churn fit, so that each is verified once. */
const RECORDS_MAX = 200_000;
/** Those that everybody knows at first; they stay. */
const BOOTSTRAP_NODES = 3;
/** How finely time passes while something is waited for. */
const STEP_MS = 50;
const WAIT_MAX_MS = 10 * 60_000;
const PORT = 8090;

export interface DhtNetworkInit {
  readonly seed: number;
  readonly faults?: Partial<LinkFaults>;
  /** The real curve is for small networks. */
  readonly realCurve?: boolean;
}

/** What of its host a simulated node lets see. */
export interface SimulatedNode {
  readonly discovery: Discovery;
  readonly identity: Identity;
  readonly traffic: Traffic;
}

/** Nodes as they are, in one process and in virtual time, each at a public address of its own. All chance comes from one seed. */
export class DhtNetwork {
  readonly clock = new VirtualClock(START_MS);
  readonly random: Random;
  readonly links: MemoryDatagrams;
  readonly datagrams: CountedDatagrams;
  readonly curve = new SimulatedCurve();
  readonly records = new RecordReader({ capacity: RECORDS_MAX });
  /** Those that live. The first three are the bootstrap nodes. */
  readonly nodes: SimulatedNode[] = [];
  readonly #realCurve: boolean;
  #addresses = 0;

  constructor({ seed, faults = {}, realCurve = false }: DhtNetworkInit) {
    this.random = seededRandom(seed);
    this.#realCurve = realCurve;
    this.links = new MemoryDatagrams({ clock: this.clock, random: this.random }, faults);
    this.datagrams = new CountedDatagrams(this.links);
  }

  identity(): Identity {
    const identity = Identity.fromPrivateKey(this.random.bytes(32));
    this.curve.know(identity);
    return identity;
  }

  /** The next address that nobody has: 45.0.0.1 … */
  address(): string {
    const number = ++this.#addresses;
    return `45.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
  }

  get bootstrap(): SignedRecord[] {
    return this.nodes.slice(0, BOOTSTRAP_NODES).map(({ discovery }) => discovery.record);
  }

  /** Starts a node that knows the bootstrap nodes, without waiting for it to join. */
  async add(): Promise<SimulatedNode> {
    const identity = this.identity();
    const { clock, datagrams, records } = this;
    const random = seededRandom(this.random.int(2 ** 32));
    const listen = { ip: this.address(), port: PORT };
    const curve = this.#realCurve ? secp256k1Curve : this.curve;
    const discovery = new Discovery(
      { identity, datagrams, clock, random, curve, records },
      { listen, bootstrap: this.bootstrap },
    );
    await discovery.start();
    const node = { discovery, identity, traffic: datagrams.of(listen) };
    this.nodes.push(node);
    return node;
  }

  /** Starts `count` nodes, one every `everyMs`, and waits until they joined. */
  async grow(count: number, everyMs = 50): Promise<SimulatedNode[]> {
    const fresh: SimulatedNode[] = [];
    for (let i = 0; i < count; i++) {
      fresh.push(await this.add());
      await this.clock.advance(everyMs);
    }
    await this.until(Promise.all(fresh.map(({ discovery }) => discovery.joined)));
    return fresh;
  }

  /** Lets time pass until `work` is done. Fails after ten minutes of virtual time. */
  async until<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    work.then(done, done);
    for (let passed = 0; !settled && passed < WAIT_MAX_MS; passed += STEP_MS) await this.clock.advance(STEP_MS);
    if (!settled) throw new Error(`Not done after ${WAIT_MAX_MS} ms of virtual time`);
    return work;
  }

  /** `count` different nodes, by chance. */
  some(count: number): SimulatedNode[] {
    const rest = [...this.nodes];
    const chosen: SimulatedNode[] = [];
    while (chosen.length < count && rest.length > 0) {
      const [node] = rest.splice(this.random.int(rest.length), 1);
      if (node) chosen.push(node);
    }
    return chosen;
  }

  someId(): NodeId {
    return new NodeId(this.random.bytes(32));
  }

  /** What a node announces about its contents. */
  providerRecord(identity: Identity): SignedRecord {
    return SignedRecord.sign(identity, { seq: 1, addresses: [`/ip4/${this.address()}/tcp/8070`] });
  }

  /** The node is gone without a word. */
  kill(node: SimulatedNode): void {
    const { local } = node.discovery;
    if (local) this.links.kill(local);
    this.nodes.splice(this.nodes.indexOf(node), 1);
    // Sends nothing any more, its socket being closed; its timers end.
    void node.discovery.stop();
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ discovery }) => discovery.stop()));
  }
}
