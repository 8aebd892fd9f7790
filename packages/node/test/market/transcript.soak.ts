import { networkConfig } from '@codex/contracts';
import { connectMarketplace, type Hex, type SlotId } from '@codex/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodexNode } from '../../src/index.ts';
import { stream } from '../api/harness.ts';
import { type Answer, call, MarketNet } from './support/market-net.ts';
import {
  comparable,
  describeAnswer,
  deviates,
  type Exchange,
  expected,
  Ids,
  idIn,
  misshapen,
  RECORDED,
  WITH_HOSTS,
} from './support/recording.ts';

const local = networkConfig('test');
/** Four hosts share two cores here: a proof each must fit into half of a period. */
const NETWORK = {
  ...local,
  config: { ...local.config, proofs: { ...local.config.proofs, period: 20n, timeout: 10n } },
};
/** Longer than recorded, and so not compared. */
const TIMES = { duration: '900', expiry: '300' };
const CHANGING = ['client', 'nonce', 'state', 'validUntil', 'duration', 'expiry', 'reservation'];
const LOOK = { timeout: 300_000, interval: 100 };

interface Host {
  readonly node: CodexNode;
  readonly account: number;
  slotId: SlotId | undefined;
}

let net: MarketNet;
let client: CodexNode;
const hosts: Host[] = [];
const ids = new Ids();

const ask = (node: CodexNode, { method, path, body }: Exchange) =>
  call(node, method, ids.translate(path), body ?? undefined);
const recorded = (label: string) => RECORDED.find((one) => one.label === label)!;

/** Goes on when something differs: a run takes minutes. */
function check(exchange: Exchange, answer: Answer): void {
  expect.soft(answer.status, describeAnswer(exchange, answer)).toBe(exchange.status);
  if (answer.status !== exchange.status) return;
  expect.soft(misshapen(exchange, answer.text), describeAnswer(exchange, answer)).toEqual([]);
  if (deviates(exchange)) return;
  expect.soft(comparable(exchange, answer.text, CHANGING), exchange.label).toEqual(expected(exchange, ids, CHANGING));
}

const state = (text: string) => (JSON.parse(text) as { state: string }).state;

/** Who has a slot, by its index. */
async function hostOf(slotIndex: number): Promise<Host> {
  for (const host of hosts) {
    const slots = JSON.parse((await call(host.node, 'GET', '/sales/slots')).text) as {
      id: SlotId;
      slotIndex: number;
    }[];
    const mine = slots.find((slot) => slot.slotIndex === slotIndex);
    if (mine) {
      host.slotId = mine.id;
      return host;
    }
  }
  throw new Error(`Nobody has slot ${slotIndex}`);
}

/** The host leaves for good, and its slot is lost. */
async function lose(host: Host): Promise<void> {
  net.nodes.splice(net.nodes.indexOf(host.node), 1);
  await host.node.stop();
  const options = await net.options(host.account);
  const file = options.find((option) => option.startsWith('--eth-private-key='))!.split('=')[1]!;
  const marketplace = await connectMarketplace({
    ...{ rpc: net.chain.url, key: { file }, marketplaceAddress: net.marketplace as Hex },
  });
  await marketplace.freeSlot(host.slotId!);
  await marketplace.close();
}

// Not in the short form: four hosts must prove in time, by a real clock.
describe.skipIf(process.env.SOAK === 'short')('our answers with hosts', () => {
  beforeAll(async () => {
    net = await MarketNet.start({ network: NETWORK, samples: 1 });
    client = await net.node(1);
    for (const account of [0, 2, 3, 4]) {
      const node = await net.node(account, 'prover', '--proof-samples=1', '--storage-quota=100000000');
      hosts.push({ node, account, slotId: undefined });
    }
    await net.blocksEvery(1);
  }, 180_000);
  afterAll(() => net?.stop());

  it('have the status and shape of those of the reference, from filled slots to a request that failed', async () => {
    const left = new Set(WITH_HOSTS);
    /** The exchanges of a label, each once. */
    const take = (label: RegExp): Exchange[] => {
      const found = [...left].filter((one) => label.test(one.label));
      expect(found.length, String(label)).toBeGreaterThan(0);
      for (const one of found) left.delete(one);
      return found;
    };

    const offers = take(/^availability$/);
    for (const [i, host] of hosts.entries()) {
      // The first one's are in the other half.
      const exchange = offers[Math.min(i, offers.length - 1)]!;
      const answer = await ask(host.node, exchange);
      ids.learn(idIn(exchange.response)!, idIn(answer.text)!);
      check(exchange, answer);
    }
    await call(client, 'POST', '/data', stream('market-1', 1_048_576));
    const request = recorded('request');
    const bought = await call(client, 'POST', request.path, { ...(request.body as object), ...TIMES });
    expect(bought.status, bought.text).toBe(200);
    ids.learn(request.response, bought.text);
    const purchase = async () => (await call(client, 'GET', `/storage/purchases/${bought.text}`)).text;
    await expect.poll(async () => state(await purchase()), LOOK).toBe('started');
    for (const exchange of take(/^purchase state started$/)) check(exchange, await ask(client, exchange));

    const proving = take(/^host\d slot state SaleProving$/);
    const players = new Map<string, Host>();
    for (const exchange of proving) {
      const { slotIndex } = JSON.parse(exchange.response) as { slotIndex: number };
      const host = await hostOf(slotIndex);
      players.set(`${exchange.node} ${slotIndex}`, host);
      ids.learn(exchange.path.split('/').at(-1)!, host.slotId!);
      const answer = () => ask(host.node, exchange);
      await expect.poll(async () => state((await answer()).text), LOOK).toBe('SaleProving');
      check(exchange, await answer());
      // What this host was asked next.
      const [offer] = JSON.parse((await call(host.node, 'GET', '/sales/availability')).text) as { id: string }[];
      for (const kind of ['slots', 'availability', 'reservations']) {
        const next = [...left].find((one) => one.label === `${exchange.node} ${kind}`)!;
        left.delete(next);
        const path = kind === 'reservations' ? `/sales/availability/${offer!.id}/reservations` : next.path;
        const listed = await call(host.node, 'GET', path);
        check(next, listed);
        expect(JSON.parse(listed.text), next.label).toHaveLength(1);
      }
    }
    const [lost, alsoLost, survivor] = ['host2 2', 'host2 1', 'host4 0'].map((role) => players.get(role)!);

    await lose(lost!);
    // These pass by quickly.
    const seen = new Map<string, Answer>();
    const saleFailed = take(/^host4 slot state SaleFailed$/)[0]!;
    const failed = take(/^purchase state failed$/)[0]!;
    const watch = async () => {
      for (;;) {
        const sale = await ask(survivor!.node, saleFailed);
        if (sale.status === 200 && state(sale.text) === 'SaleFailed') seen.set('sale', sale);
        const bought = await ask(client, failed);
        if (state(bought.text) === 'failed') seen.set('purchase', bought);
        if (state(bought.text) === 'errored' && sale.status === 404) return;
      }
    };
    const watching = watch();
    await lose(alsoLost!);
    await watching;
    for (const [key, exchange] of [
      ['sale', saleFailed],
      ['purchase', failed],
    ] as const) {
      const answer = seen.get(key);
      expect(answer, exchange.label).toBeDefined();
      check(exchange, answer!);
    }

    for (const exchange of take(/^(purchase state errored|final purchase|purchases)$/)) {
      check(exchange, await ask(client, exchange));
    }
    for (const exchange of take(/^host4 (?!final)/)) {
      // Also those of while it failed, in which ours is through already.
      await expect
        .poll(() => survivor!.node && call(survivor!.node, 'GET', '/sales/slots'), LOOK)
        .toEqual({
          ...{ status: 200, text: '[]' },
        });
      const [offer] = JSON.parse((await call(survivor!.node, 'GET', '/sales/availability')).text) as { id: string }[];
      const path = exchange.path.replace(/availability\/\w+/, `availability/${offer!.id}`);
      check(exchange, await ask(survivor!.node, { ...exchange, path }));
    }
    const idle = hosts.find(({ slotId }) => slotId === undefined)!;
    for (const exchange of take(/final (slots|availability|space)$/)) {
      const { node } = exchange.node === 'host4' ? survivor! : idle;
      const answer = await ask(node, exchange);
      check(exchange, answer);
      if (exchange.path !== '/space') continue;
      const space = JSON.parse(answer.text) as { quotaUsedBytes: number; quotaReservedBytes: number };
      expect.soft(space.quotaReservedBytes, exchange.label).toBe(50_000_000);
      // No block of a slot: a manifest at most, of what was looked at.
      expect.soft(space.quotaUsedBytes, exchange.label).toBeLessThan(65_536);
    }
    expect([...left].map(({ label }) => label)).toEqual([]);
  }, 900_000);
});
