import {
  type Abi,
  type Address,
  createPublicClient,
  decodeErrorResult,
  decodeEventLog,
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
  getAddress,
  type Hex,
  parseAbi,
  RpcRequestError,
  type TransactionReceipt,
} from 'viem';
import {
  BYTECODE,
  EmbeddedChain,
  type MarketplaceConfig,
  type MarketplaceRules,
  networkConfig,
  slotIdOf,
  testMarketplaceAbi,
  testTokenAbi,
} from '../../src/index.ts';

/** Panics and reverts with a text, which no contract's ABI names. */
const BUILT_IN = parseAbi(['error Error(string)', 'error Panic(uint256)']);
/** Enough for every call; far below a block's limit. */
const GAS = '0xf42400';

const readerOf = (chain: EmbeddedChain) => createPublicClient({ transport: chain.transport() });
type Reader = ReturnType<typeof readerOf>;

/** A call that the chain refused, by the name of the error. */
export class Reverted extends Error {
  override readonly name = 'Reverted';
}

export interface Event {
  readonly name: string;
  readonly args: Record<string, unknown>;
}

export interface Sent {
  readonly gasUsed: bigint;
  readonly events: readonly Event[];
  readonly names: readonly string[];
}

interface Trace {
  readonly error?: string;
  readonly output?: Hex;
}

/** What tests do with a chain: contracts by name, calls that say what happened, and time that they move themselves. */
export class Lab {
  readonly chain: EmbeddedChain;
  readonly client: Reader;
  readonly accounts: readonly Address[];

  private constructor(chain: EmbeddedChain, client: Reader, accounts: readonly Address[]) {
    this.chain = chain;
    this.client = client;
    this.accounts = accounts;
  }

  /** A chain that is old enough for a marketplace. Its time starts in 2027 and stands still between calls. */
  static async start(): Promise<Lab> {
    const chain = new EmbeddedChain({ timestamp: 1_800_000_000, onDemand: true });
    await chain.start();
    await chain.mine(257, 0);
    return Lab.on(chain);
  }

  /** On a chain that runs, and mines on demand. */
  static async on(chain: EmbeddedChain): Promise<Lab> {
    const client = readerOf(chain);
    const accounts = ((await client.request({ method: 'eth_accounts' } as never)) as Address[]).map((at) =>
      getAddress(at),
    );
    return new Lab(chain, client, accounts);
  }

  async now(): Promise<bigint> {
    return (await this.client.getBlock()).timestamp;
  }

  /** Creates a contract. */
  async create(abi: Abi, bytecode: Hex, args: readonly unknown[] = []): Promise<Address> {
    const data = encodeDeployData({ abi, bytecode, args });
    const receipt = await this.#receipt({ from: this.accounts[0], data }, abi);
    return getAddress(receipt.contractAddress as Address);
  }

  /** Sends a call in a block at `time`; default: in the second of the last block. Throws `Reverted`. */
  async send(
    to: Address,
    abi: Abi,
    from: Address,
    functionName: string,
    args: readonly unknown[],
    time?: bigint,
  ): Promise<Sent> {
    const receipt = await this.#receipt({ from, to, data: encodeFunctionData({ abi, functionName, args }) }, abi, time);
    const events = receipt.logs.map(({ data, topics }): Event => {
      const { eventName, args: values } = decodeEventLog({ abi, data, topics });
      return { name: eventName ?? '', args: (values ?? {}) as Record<string, unknown> };
    });
    return { gasUsed: receipt.gasUsed, events, names: events.map(({ name }) => name) };
  }

  /** Asks a contract. Throws `Reverted`. */
  async ask(to: Address, abi: Abi, functionName: string, args: readonly unknown[], from?: Address): Promise<unknown> {
    const data = encodeFunctionData({ abi, functionName, args });
    try {
      const { data: output } = await this.client.call({
        to,
        data,
        gas: BigInt(GAS),
        ...(from ? { account: from } : {}),
      });
      return decodeFunctionResult({ abi, functionName, data: output ?? '0x' });
    } catch (error) {
      throw revertIn(error, abi);
    }
  }

  async #receipt(
    transaction: { from: Address | undefined; to?: Address; data: Hex },
    abi: Abi,
    time?: bigint,
  ): Promise<TransactionReceipt> {
    const call = { ...transaction, gas: GAS };
    const hash = (await this.client.request({ method: 'eth_sendTransaction', params: [call] } as never)) as Hex;
    await this.chain.mineAt(time ?? (await this.now()));
    const receipt = await this.client.getTransactionReceipt({ hash });
    if (receipt.status === 'success') return receipt;
    const tracing = { method: 'debug_traceTransaction', params: [hash, { tracer: 'callTracer' }] };
    const trace = (await this.client.request(tracing as never)) as Trace;
    throw named(trace.output ?? '0x', abi, trace.error);
  }
}

function named(data: Hex, abi: Abi, otherwise = 'without a reason'): Reverted {
  if (data === '0x') return new Reverted(otherwise);
  try {
    const { errorName, args } = decodeErrorResult({ abi: [...abi, ...BUILT_IN], data });
    return new Reverted(errorName === 'Error' || errorName === 'Panic' ? `${errorName} ${args?.join()}` : errorName);
  } catch {
    return new Reverted(data);
  }
}

function revertIn(error: unknown, abi: Abi): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof RpcRequestError) return named((cause.data as Hex | undefined) ?? '0x', abi, cause.details);
  }
  return error;
}

/** A proof that the test verifier takes. */
export const PROOF = {
  a: { x: 1n, y: 2n },
  b: { x: { real: 3n, imag: 4n }, y: { real: 5n, imag: 6n } },
  c: { x: 7n, y: 8n },
};
/** The one that it does not take. */
export const ZERO_PROOF = {
  a: { x: 0n, y: 0n },
  b: { x: { real: 0n, imag: 0n }, y: { real: 0n, imag: 0n } },
  c: { x: 0n, y: 0n },
};

export interface RequestInit {
  readonly client: Address;
  readonly ask: {
    readonly proofProbability: bigint;
    readonly pricePerBytePerSecond: bigint;
    readonly collateralPerByte: bigint;
    readonly slots: bigint;
    readonly slotSize: bigint;
    readonly duration: bigint;
    readonly maxSlotLoss: bigint;
  };
  readonly content: { readonly cid: Hex; readonly merkleRoot: Hex };
  readonly expiry: bigint;
  readonly nonce: Hex;
}

export interface MarketInit {
  readonly config?: MarketplaceConfig;
  readonly rules?: Partial<MarketplaceRules>;
  readonly verifier?: Address;
  readonly token?: Address;
}

/** A marketplace with a token of which everybody has enough, and has allowed it to take all. */
export class Market {
  readonly lab: Lab;
  readonly address: Address;
  readonly token: Address;
  readonly config: MarketplaceConfig;
  readonly client: Address;
  readonly hosts: readonly Address[];
  readonly validator: Address;
  readonly stranger: Address;
  /** A token's events are decoded beside those of the marketplace. */
  static readonly abi: Abi = [
    ...testMarketplaceAbi,
    ...testTokenAbi.filter(({ type }) => type === 'event' || type === 'error'),
  ];
  #nonce = 0;

  private constructor(lab: Lab, address: Address, token: Address, config: MarketplaceConfig) {
    this.lab = lab;
    this.address = address;
    this.token = token;
    this.config = config;
    const [, client, validator, stranger, ...hosts] = lab.accounts;
    this.client = client!;
    this.validator = validator!;
    this.stranger = stranger!;
    this.hosts = hosts;
  }

  static async create(lab: Lab, init: MarketInit = {}): Promise<Market> {
    const test = networkConfig('test');
    const config = init.config ?? test.config;
    const rules = { ...test.rules, ...init.rules };
    const token = init.token ?? (await lab.create(testTokenAbi, BYTECODE.TestToken));
    const verifier = init.verifier ?? (await lab.create([], BYTECODE.TestVerifier));
    const address = await lab.create(testMarketplaceAbi, BYTECODE.TestMarketplace, [config, token, verifier, rules]);
    const market = new Market(lab, address, token, config);
    for (const account of lab.accounts.slice(1, 9)) {
      await lab.send(token, testTokenAbi, account, 'mint', [account, 10n ** 18n]);
      await lab.send(token, testTokenAbi, account, 'approve', [address, 2n ** 256n - 1n]);
    }
    return market;
  }

  host(index: number): Address {
    const host = this.hosts[index];
    if (!host) throw new Error(`There is no host ${index}`);
    return host;
  }

  /** A request of the client's: three slots of 1 KiB for 1000 s, one may be lost; nobody else has the same. */
  request(changes: Partial<RequestInit['ask']> = {}, rest: Partial<Omit<RequestInit, 'ask'>> = {}): RequestInit {
    return {
      client: this.client,
      ask: {
        proofProbability: 1n,
        pricePerBytePerSecond: 2n,
        collateralPerByte: 100n,
        slots: 3n,
        slotSize: 1024n,
        duration: 1000n,
        maxSlotLoss: 1n,
        ...changes,
      },
      content: { cid: '0x01cd0290b2020304', merkleRoot: `0x${'11'.repeat(32)}` },
      expiry: 300n,
      nonce: `0x${(++this.#nonce).toString(16).padStart(64, '0')}`,
      ...rest,
    };
  }

  send(from: Address, name: string, args: readonly unknown[], time?: bigint): Promise<Sent> {
    return this.lab.send(this.address, Market.abi, from, name, args, time);
  }

  ask(name: string, args: readonly unknown[], from?: Address): Promise<unknown> {
    return this.lab.ask(this.address, Market.abi, name, args, from);
  }

  /** A block at `time`, so that views are asked as of then. */
  at(time: bigint): Promise<void> {
    return this.lab.chain.mineAt(time);
  }

  async balance(holder: Address = this.address): Promise<bigint> {
    return (await this.lab.ask(this.token, testTokenAbi, 'balanceOf', [holder])) as bigint;
  }

  /** Asks for storage; returns the request's id and when it was stored. */
  async requested(request: RequestInit, time?: bigint): Promise<{ id: Hex; at: bigint }> {
    const { events } = await this.send(request.client, 'requestStorage', [request], time);
    const stored = events.find(({ name }) => name === 'StorageRequested');
    return { id: stored?.args.requestId as Hex, at: await this.lab.now() };
  }

  /** Reserves and fills a slot. */
  async filled(id: Hex, index: number, host: Address = this.host(index), time?: bigint): Promise<Sent> {
    await this.send(host, 'reserveSlot', [id, BigInt(index)], time);
    return this.send(host, 'fillSlot', [id, BigInt(index), PROOF], time);
  }

  /** A request with all slots filled, by host 0, 1, 2 … */
  async started(request: RequestInit = this.request()): Promise<{ id: Hex; at: bigint; slots: Hex[] }> {
    const { id, at } = await this.requested(request);
    const slots: Hex[] = [];
    for (let index = 0; index < Number(request.ask.slots); index++) {
      await this.filled(id, index);
      slots.push(slotIdOf(id, BigInt(index)));
    }
    return { id, at, slots };
  }

  /** The first second of the first period that demands a proof of the slot, with the pointer past the downtime. */
  async demanding(slot: Hex): Promise<bigint> {
    const { period, downtime } = this.config.proofs;
    for (let tries = 0; tries < 300; tries++) {
      const start = ((await this.lab.now()) / period + 1n) * period;
      await this.at(start);
      // The pointer moves with blocks as well: mine until it is well past the downtime, and not about to wrap.
      const pointer = (await this.ask('getPointer', [slot])) as number;
      const missing = pointer < downtime ? downtime - pointer : pointer > 245 ? 256 - pointer + downtime : 0;
      if (missing > 0) await this.lab.chain.mine(missing, 0);
      if ((await this.ask('isProofRequired', [slot])) === true) return start;
    }
    throw new Error('No proof was ever required');
  }

  /** Lets a host miss a proof, and has it marked. */
  async missed(slot: Hex, validator: Address = this.validator): Promise<Sent> {
    const { period } = this.config.proofs;
    const start = await this.demanding(slot);
    return this.send(validator, 'markProofAsMissing', [slot, start / period], start + period + 1n);
  }
}
