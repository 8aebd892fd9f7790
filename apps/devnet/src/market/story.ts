import type { AbortOptions } from '@codex/runtime';
import type { Hex } from 'viem';
import type { SourceFile } from '../source-file.ts';
import { checkMoney, type MoneyResult } from './check-money.ts';
import type { Market } from './market.ts';
import type { Offer, Terms } from './market-rest.ts';
import { STORY_PACE } from './rules.ts';
import { done, Scene, type StoryListener } from './scene.ts';

const { periodSeconds: PERIOD } = STORY_PACE;
/** Any two of four slots hold the file. */
export const TERMS: Terms = {
  duration: 12 * PERIOD,
  expiry: 6 * PERIOD,
  proofProbability: 1n,
  pricePerBytePerSecond: 1n,
  collateralPerByte: 1n,
  nodes: 4,
  tolerance: 2,
};
/** A machine that takes longer than this until all nodes have found each other is busy with something else: all the rest takes longer, too. */
const BUSY_MS = 12_000;
/** The contract then, so that the repair is done before it ends. */
const BUSY_DURATION = 22 * PERIOD;
/** Bytes and seconds that each host offers; collateral for all of the space. */
export const OFFER: Offer = {
  totalSize: 2 ** 30,
  duration: 86_400,
  minPricePerBytePerSecond: 1n,
  totalCollateral: 2n ** 40n,
};
/** Two periods in which the proof is missed, one for the end of the second, one of downtime, and the repair. */
const REPAIR_MS = 8 * PERIOD * 1000;

export interface StoryResult extends MoneyResult {
  readonly requestId: Hex;
  /** Of the dataset with its slots. */
  readonly cid: string;
  readonly sha256: string;
  readonly lost: string;
  readonly repairedBy: string;
  /** Seconds of the chain from the death of the host until its slot was somewhere else. */
  readonly repairSeconds: number;
  readonly calls: number;
  readonly reverted: number;
  readonly proofs: number;
  readonly missed: number;
  /** From the request to the last payout, seconds of the chain. */
  readonly seconds: number;
}

/**
 * A file is bought storage, its client leaves, a host dies for good, and another one takes its place with what the rest
 * have; the file is fetched from hosts alone; all are paid what the model says. Errors: `STORY_STUCK`, `STORY_FAILED`,
 * `CONTENT_DIFFERS`, and those of nodes.
 */
export async function runStory(
  market: Market,
  source: SourceFile,
  options: AbortOptions & { readonly listener?: StoryListener } = {},
): Promise<StoryResult> {
  const scene = new Scene(market, options);
  const { signal } = scene;
  const client = market.node('client');

  scene.chapter('Hosts offer space');
  await scene.offer(OFFER);
  scene.step(`${market.hosts.length} hosts sell ${OFFER.totalSize / 2 ** 30} GiB each`);

  scene.chapter('The client buys durability');
  const duration = market.startedMs > BUSY_MS ? BUSY_DURATION : TERMS.duration;
  const contract = await scene.buy(source, { ...TERMS, duration });
  const { cid, requestId, slots } = contract;
  scene.step(`stored on the client: ${contract.upload.cid}`);
  await scene.filled(contract);
  scene.step(`all ${slots} slots are filled: the contract runs for ${contract.end - scene.time} s more`);

  scene.chapter('Hosts prove that they have it');
  await scene.proved(contract);

  scene.chapter('The client leaves, and a host dies for good');
  await client.stop();
  scene.step('the client is stopped: hosts alone have the file now');
  const lost = market.node(scene.hostOf(contract, 0));
  const killed = scene.sights.length;
  const died = scene.time;
  await lost.kill();
  scene.step(`${lost.name} is killed (SIGKILL), and with it slot 0`);
  const freed = await scene.when(
    'The lost slot is freed',
    (sights) =>
      scene
        .alive(sights, contract)
        .slice(killed)
        .find(({ events, slotIndex }) => slotIndex === 0 && events.includes('SlotFreed')),
    REPAIR_MS,
  );
  const repair = await scene.when(
    'The lost slot is filled again',
    (sights) =>
      done(scene.alive(sights, contract), 'fillSlot').find(
        (sight) => sight.slotIndex === 0 && sight.block >= freed.block,
      ),
    REPAIR_MS,
  );
  const repairedBy = market.nameOf(repair.from);
  scene.step(`${repairedBy} has rebuilt slot 0 from the slots of others, and proved it`);
  await scene.when('The new host proves again', (sights) =>
    done(scene.alive(sights, contract), 'submitProof').find(
      (sight) => sight.from === repair.from && sight.block > repair.block,
    ),
  );

  scene.chapter('The file comes back from hosts alone');
  const sha256 = await scene.read(contract, 'validator');
  scene.step(
    `the validator, which never had any of it, fetched all ${contract.upload.bytes} bytes: the SHA-256 is the same`,
  );

  scene.chapter('The contract ends, and everybody is paid');
  await scene.paid(contract);
  await market.network.restart(client, { ...(signal && { signal }) });
  scene.step('the client is back');
  const last = await scene.refunded(contract);
  const { sights } = scene;
  return {
    requestId,
    cid,
    sha256,
    lost: lost.name,
    repairedBy,
    repairSeconds: repair.time - died,
    ...(await checkMoney(market)),
    calls: sights.length,
    reverted: sights.filter((sight) => !sight.ok).length,
    proofs: done(sights, 'fillSlot').length + done(sights, 'submitProof').length,
    missed: done(sights, 'markProofAsMissing').length,
    seconds: last.time - contract.asked,
  };
}
