import { fileURLToPath } from 'node:url';
import { decodeFunctionResult, encodeDeployData, encodeFunctionData, parseAbi, toEventSelector } from 'viem';
import { compile, readSources } from '../../build/compile.ts';
import { marketplaceAbi } from '../../src/abi.generated.ts';
import { BYTECODE } from '../../src/bytecode.generated.ts';
import type { Address, Bytes32, ModelConfig } from '../../src/model/index.ts';
import { Anvil, GENESIS_NUMBER, GENESIS_TIMESTAMP } from './anvil.ts';
import { APPROVAL_TOPIC, lineOf } from './encode.ts';

/** More than any block of calls needs; nobody pays for it. */
const GAS = '0x3b9aca00';
/** So many hashes the EVM knows. */
const HASHES_ASKED_MAX = 256n;
/** A block's hash is asked for among the last 256 only. */
const HASHES_KEPT = 260n;

const ABI = parseAbi([
  'constructor(address market, address token, uint256 count)',
  'struct Act { uint256 actor; address target; bytes data; }',
  'function run(uint256 looker, Act[] acts)',
  'function watch(bytes32 requestId, uint256 slots)',
  'function forget(uint256 place)',
  'function puppets() view returns (address[])',
  'function seen(uint256 looker) view returns (uint256[])',
  'function hashes(uint256 first, uint256 count) view returns (bytes32[])',
]);
const ACTED = toEventSelector('event Acted(bool ok, bytes4 selector, uint256 seen)');
const SEEN = toEventSelector('event Seen(uint256 seen)');

let code: `0x${string}` | undefined;
/** The creation code of the play's own contract: compiled once in a process. */
function lockstepCode(): `0x${string}` {
  code ??= compile(readSources(fileURLToPath(new URL('solidity', import.meta.url)))).get('Lockstep')?.bytecode;
  if (!code) throw new Error('Lockstep was not built');
  return code;
}

export interface StageAct {
  readonly actor: number;
  readonly target: 'market' | 'token' | 'stage';
  readonly data: `0x${string}`;
}

export interface Outcome {
  readonly ok: boolean;
  /** Of the error. */
  readonly selector: `0x${string}`;
  /** All that can be seen after the call, folded; 0 after one that failed. */
  readonly seen: bigint;
  /** Lines of the logs. */
  readonly market: readonly string[];
  readonly token: readonly string[];
}

interface Receipt {
  readonly status: string;
  readonly blockNumber: string;
  readonly blockHash: Bytes32;
  readonly contractAddress: Address;
  readonly logs: readonly { readonly address: Address; readonly topics: readonly string[]; readonly data: string }[];
}

/** The creation of a marketplace, with its arguments. */
export function creationOf(config: ModelConfig, token: Address, verifier: Address): `0x${string}` {
  const { rules, ...configuration } = config;
  return encodeDeployData({
    abi: marketplaceAbi,
    bytecode: BYTECODE.Marketplace,
    args: [configuration, token, verifier, rules],
  });
}

/** The contracts on a chain, and the puppets that call them: one block at a time. */
export class Stage {
  readonly #anvil: Anvil;
  #account: Address = '0x';
  #nonce = 0;
  #lockstep: Address = '0x';
  market: Address = '0x';
  token: Address = '0x';
  puppets: readonly Address[] = [];
  /** Of the last block. */
  number = BigInt(GENESIS_NUMBER);
  /** Of the last block, in seconds. */
  timestamp = BigInt(GENESIS_TIMESTAMP);
  readonly #hashes = new Map<bigint, Bytes32>();

  private constructor(anvil: Anvil) {
    this.#anvil = anvil;
  }

  /** Starts a chain, and deploys everything. */
  static async open(config: ModelConfig, puppets: number): Promise<Stage> {
    const stage = new Stage(await Anvil.start());
    try {
      await stage.#deploy(config, puppets);
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  async #deploy(config: ModelConfig, puppets: number): Promise<void> {
    const { rpc } = this.#anvil;
    // Blocks that nobody sets a time for come a second apart: no clock of the machine plays a part.
    await rpc.call('anvil_setBlockTimestampInterval', [1]);
    [this.#account] = (await rpc.call('eth_accounts')) as [Address];
    const token = await this.#create(BYTECODE.TestToken);
    const verifier = await this.#create(BYTECODE.TestVerifier);
    const market = await this.#create(creationOf(config, token, verifier));
    const args = [market, token, BigInt(puppets)] as const;
    this.#lockstep = await this.#create(encodeDeployData({ abi: ABI, bytecode: lockstepCode(), args }));
    await this.#learnHashes(HASHES_ASKED_MAX);
    this.token = token;
    this.market = market;
    const data = await this.#look(encodeFunctionData({ abi: ABI, functionName: 'puppets' }));
    const found = decodeFunctionResult({ abi: ABI, functionName: 'puppets', data });
    this.puppets = found.map((address: string) => address.toLowerCase() as Address);
  }

  /** As the EVM tells it to the block after the last; of blocks before the first there is no hash. */
  hashOf(number: bigint): Bytes32 {
    return this.#hashes.get(number) ?? `0x${'0'.repeat(64)}`;
  }

  /** What a contract's creation would say: nothing, or the data of its error. */
  async tryCreation(data: `0x${string}`): Promise<`0x${string}` | undefined> {
    return this.#anvil.rpc.errorOf('eth_call', [{ from: this.#account, data, gas: GAS }, 'latest']);
  }

  /** Plays calls in a block of their own at `timestamp`; each outcome in turn, and what was seen before the first. */
  async block(
    timestamp: bigint,
    looker: number,
    acts: readonly StageAct[],
  ): Promise<{ seen: bigint; outcomes: Outcome[] }> {
    const targets = { market: this.market, token: this.token, stage: this.#lockstep };
    const data = encodeFunctionData({
      abi: ABI,
      functionName: 'run',
      args: [
        BigInt(looker),
        acts.map((act) => ({ actor: BigInt(act.actor), target: targets[act.target], data: act.data })),
      ],
    });
    const { logs } = await this.#send({ to: this.#lockstep, data }, timestamp);
    let seen = 0n;
    const outcomes: Outcome[] = [];
    let market: string[] = [];
    let token: string[] = [];
    for (const log of logs) {
      if (log.address === this.market) market.push(lineOf(log));
      else if (log.address === this.token) {
        if (log.topics[0] !== APPROVAL_TOPIC) token.push(lineOf(log));
      } else if (log.topics[0] === SEEN) seen = BigInt(log.data);
      else if (log.topics[0] === ACTED) {
        outcomes.push({
          ok: BigInt(log.data.slice(0, 66)) === 1n,
          selector: `0x${log.data.slice(66, 74)}`,
          seen: BigInt(`0x${log.data.slice(130, 194)}`),
          market,
          token,
        });
        market = [];
        token = [];
      }
    }
    return { seen, outcomes };
  }

  /** Empty blocks, a second apart. */
  async skip(blocks: number): Promise<void> {
    await this.#anvil.rpc.call('anvil_mine', [blocks, 1]);
    this.number += BigInt(blocks);
    this.timestamp += BigInt(blocks);
    await this.#learnHashes(BigInt(blocks));
    this.#dropOld();
  }

  /** Asks the EVM itself: of blocks before the chain's first it says something of its own. */
  async #learnHashes(blocks: bigint): Promise<void> {
    const count = blocks < HASHES_ASKED_MAX ? blocks : HASHES_ASKED_MAX;
    const first = this.number - count + 1n;
    // A call sees itself in the block after the last, so that the last has a hash too.
    const input = encodeFunctionData({ abi: ABI, functionName: 'hashes', args: [first, count] });
    const data = await this.#look(input, 'pending');
    const found = decodeFunctionResult({ abi: ABI, functionName: 'hashes', data });
    for (const [at, hash] of found.entries()) this.#hashes.set(first + BigInt(at), hash);
  }

  watch(requestId: Bytes32, slots: bigint): StageAct {
    const data = encodeFunctionData({ abi: ABI, functionName: 'watch', args: [requestId, slots] });
    return { actor: 0, target: 'stage', data };
  }

  forget(place: number): StageAct {
    return {
      actor: 0,
      target: 'stage',
      data: encodeFunctionData({ abi: ABI, functionName: 'forget', args: [BigInt(place)] }),
    };
  }

  /** Word by word what is folded elsewhere; seen from the last block. */
  async words(looker: number): Promise<readonly bigint[]> {
    const data = await this.#look(encodeFunctionData({ abi: ABI, functionName: 'seen', args: [BigInt(looker)] }));
    return decodeFunctionResult({ abi: ABI, functionName: 'seen', data });
  }

  close(): Promise<void> {
    return this.#anvil.close();
  }

  async #look(data: `0x${string}`, block = 'latest'): Promise<`0x${string}`> {
    return (await this.#anvil.rpc.call('eth_call', [{ to: this.#lockstep, data, gas: GAS }, block])) as `0x${string}`;
  }

  async #create(data: `0x${string}`): Promise<Address> {
    const { contractAddress } = await this.#send({ data }, this.timestamp + 1n);
    return contractAddress.toLowerCase() as Address;
  }

  async #send(transaction: { to?: Address; data: `0x${string}` }, timestamp: bigint): Promise<Receipt> {
    const { rpc } = this.#anvil;
    const nonce = `0x${(this.#nonce++).toString(16)}`;
    const sent = { from: this.#account, gas: GAS, gasPrice: '0x0', nonce, ...transaction };
    const hash = await rpc.call('eth_sendTransaction', [sent]);
    await rpc.call('evm_mine', [{ timestamp: Number(timestamp) }]);
    const receipt = (await rpc.call('eth_getTransactionReceipt', [hash])) as Receipt | null;
    if (receipt?.status !== '0x1') throw new Error('A transaction of the play itself failed');
    this.number++;
    if (BigInt(receipt.blockNumber) !== this.number) throw new Error('A block that the play did not ask for');
    this.timestamp = timestamp;
    this.#hashes.set(this.number, receipt.blockHash);
    this.#dropOld();
    return receipt;
  }

  #dropOld(): void {
    for (const number of this.#hashes.keys()) {
      if (number > this.number - HASHES_KEPT) break;
      this.#hashes.delete(number);
    }
  }
}
