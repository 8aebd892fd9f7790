import { readFileSync } from 'node:fs';
import { type Abi, type Address, decodeEventLog, encodeFunctionData, getAddress, type Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BYTECODE, EmbeddedChain, type MarketplaceConfig, marketplaceAbi, testTokenAbi } from '../src/index.ts';
import { Lab, Market } from './support/market.ts';

interface Transaction {
  readonly block: number;
  readonly time: number;
  readonly from: string;
  readonly to: 'Token' | 'Marketplace';
  readonly call: string;
  readonly args: readonly unknown[];
  readonly status: 'success' | 'reverted';
  readonly gasUsed: number;
  readonly events: readonly { readonly event: string; readonly args: Record<string, unknown> }[];
}

/** A life between reference nodes, as they lived it: a host fills two of three slots, dies, and the request fails with it. */
const recorded = JSON.parse(readFileSync(new URL('./vectors/market-life.json', import.meta.url), 'utf8')) as {
  configuration: Record<string, number>;
  transactions: Transaction[];
};
const { configuration: c, transactions } = recorded;
const CONFIG: MarketplaceConfig = {
  collateral: {
    repairRewardPercentage: c.repairRewardPercentage!,
    maxNumberOfSlashes: c.maxNumberOfSlashes!,
    slashPercentage: c.slashPercentage!,
    validatorRewardPercentage: c.validatorRewardPercentage!,
  },
  proofs: {
    period: BigInt(c.period!),
    timeout: BigInt(c.timeout!),
    downtime: c.downtime!,
    downtimeProduct: c.downtimeProduct!,
    zkeyHash: '',
  },
  reservations: { maxReservations: c.maxReservations! },
  requestDurationLimit: BigInt(c.requestDurationLimit!),
};
const COMPANIONS = ['StorageRequestedBy', 'ProofSubmittedFor'];

interface Outcome {
  readonly status: string;
  readonly gasUsed: number;
  readonly events: readonly { readonly event: string; readonly args: Record<string, unknown> }[];
}

/** Lives the recorded life again, in the same blocks at the same times, as far as `count` transactions. */
class Replay {
  readonly chain = new EmbeddedChain({
    timestamp: transactions[0]!.time - transactions[0]!.block,
    onDemand: true,
    isFifo: true,
  });
  lab!: Lab;
  market!: Address;
  token!: Address;
  readonly #names = new Map<string, Address>();

  async start(maxSlotsPerHost: number): Promise<void> {
    await this.chain.start();
    await this.chain.mine(257, 1);
    this.lab = await Lab.on(this.chain);
    for (const [at, name] of ['deployer', 'client', 'host1', 'host2', 'host3', 'host4'].entries()) {
      this.#names.set(name, this.lab.accounts[at]!);
    }
    this.token = await this.lab.create(testTokenAbi, BYTECODE.TestToken);
    const verifier = await this.lab.create([], BYTECODE.TestVerifier);
    const rules = { maxSlotsPerHost, reservationTimeout: 0n, expandingWindow: false };
    this.market = await this.lab.create(marketplaceAbi, BYTECODE.Marketplace, [CONFIG, this.token, verifier, rules]);
    for (const account of this.lab.accounts.slice(1, 6)) {
      await this.lab.send(this.token, testTokenAbi, account, 'mint', [account, 10n ** 15n]);
    }
  }

  async play(count = transactions.length): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    let next = 0;
    while (next < count) {
      const { block, time } = transactions[next]!;
      const behind = block - 1 - Number(await this.lab.client.getBlockNumber({ cacheTime: 0 }));
      if (behind > 0) {
        // The recorded chain had a block each second: the one before this stands a second before it.
        await this.chain.mineAt(BigInt(time - behind));
        if (behind > 1) await this.chain.mine(behind - 1, 1);
      }
      const hashes: Hex[] = [];
      for (; transactions[next]?.block === block; next++) hashes.push(await this.#send(transactions[next]!));
      await this.chain.mineAt(BigInt(time));
      for (const hash of hashes) outcomes.push(await this.#outcome(hash));
    }
    return outcomes;
  }

  async #send({ from, to, call, args }: Transaction): Promise<Hex> {
    const abi: Abi = to === 'Token' ? testTokenAbi : marketplaceAbi;
    // The recorded approvals name the recorded marketplace.
    const given = call === 'approve' ? [this.market, args[1]] : args;
    const data = encodeFunctionData({ abi, functionName: call, args: given });
    const transaction = {
      from: this.#names.get(from),
      to: to === 'Token' ? this.token : this.market,
      data,
      gas: '0xf4240',
    };
    return (await this.lab.client.request({ method: 'eth_sendTransaction', params: [transaction] } as never)) as Hex;
  }

  async #outcome(hash: Hex): Promise<Outcome> {
    const receipt = await this.lab.client.getTransactionReceipt({ hash });
    const events = receipt.logs.map(({ data, topics }) => {
      const { eventName, args } = decodeEventLog({ abi: Market.abi, data, topics });
      return { event: eventName ?? '', args: plain(args) as Record<string, unknown> };
    });
    return { status: receipt.status, gasUsed: Number(receipt.gasUsed), events };
  }
}

/** As the record writes values: numbers as decimal strings. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}

/** Where our rules say otherwise. */
const OTHER_RULES: Record<number, string> = {
  55: 'R9, R1: the client pays the host that stayed for its time, and gets what the others had put up',
  56: 'R9: the host that stayed is paid, and has its collateral back',
};
/** Where a call costs more. */
const DEARER: Record<number, string> = {
  10: 'R6: a reservation is checked against more before it is refused',
  12: 'R6',
  13: 'R6',
  56: 'R9: pays out',
};

describe('the recorded life', () => {
  describe('with as many slots for a host as it likes', () => {
    const replay = new Replay();
    let outcomes: Outcome[];
    beforeAll(async () => {
      await replay.start(0);
      outcomes = await replay.play();
    }, 60_000);
    afterAll(() => replay.chain.stop());

    it('goes the same way: each call’s end, events and amounts', () => {
      const market = getAddress(replay.market);
      const expected = JSON.parse(
        JSON.stringify(transactions).replaceAll(transactions[0]!.args[0] as string, market),
      ) as Transaction[];
      for (const [at, { status, events }] of outcomes.entries()) {
        const { call, status: wasStatus, events: before } = expected[at]!;
        expect(status, `${at} ${call}`).toBe(wasStatus);
        if (at in OTHER_RULES) continue;
        const ours = events.filter(({ event }) => !COMPANIONS.includes(event));
        expect(ours, `${at} ${call}`).toEqual(before.map(({ event, args }) => ({ event, args })));
      }
    });

    it('ends otherwise only where a rule says so', async () => {
      const { args } = transactions[1]!;
      const { ask } = args[0] as { ask: Record<string, string> };
      const price = BigInt(ask.slotSize!);
      const collateral = BigInt(ask.slotSize!);
      const failedAt = BigInt(transactions[54]!.time);
      const filledAt = BigInt(transactions[18]!.time);
      const served = (failedAt - filledAt) * price;
      const share = (collateral * 20n) / 100n;
      const rewards = 4n * ((share * 20n) / 100n);
      const amounts = (at: number) => outcomes[at]!.events.map(({ args: values }) => BigInt(values.value as string));
      expect(amounts(55)).toEqual([3n * 240n * price - served + 2n * collateral - rewards]);
      expect(amounts(56)).toEqual([served, collateral]);
      expect(await replay.lab.ask(replay.token, testTokenAbi, 'balanceOf', [replay.market])).toBe(0n);
    });

    it('costs no more gas in any call, but where it is said', () => {
      const dearer = outcomes.flatMap(({ gasUsed }, at) => (gasUsed > transactions[at]!.gasUsed ? [String(at)] : []));
      expect(dearer).toEqual(Object.keys(DEARER));
      const sum = (all: readonly { gasUsed: number }[]) => all.reduce((total, { gasUsed }) => total + gasUsed, 0);
      expect(sum(outcomes)).toBeLessThan(0.85 * sum(transactions));
    });
  });

  describe('with one slot for each host, as is usual', () => {
    const replay = new Replay();
    beforeAll(() => replay.start(1), 60_000);
    afterAll(() => replay.chain.stop());

    it('cannot go that way: nobody reserves a second slot', async () => {
      const outcomes = await replay.play(14);
      const reserved = outcomes.flatMap(({ status }, at) =>
        status === 'success' && transactions[at]!.call === 'reserveSlot'
          ? [`${transactions[at]!.from} ${transactions[at]!.args[1]}`]
          : [],
      );
      expect(reserved).toEqual(['host2 0', 'host3 1', 'host1 2', 'host4 1']);
      for (const [at, { gasUsed }] of outcomes.entries()) {
        const { call, gasUsed: before, status } = transactions[at]!;
        if (status === 'success' && outcomes[at]!.status === 'success')
          expect(gasUsed, `${at} ${call}`).toBeLessThanOrEqual(before);
      }
    });
  });
});
