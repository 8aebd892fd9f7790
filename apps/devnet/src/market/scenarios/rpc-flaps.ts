import { type Random, seededRandom } from '@codex/runtime';
import { type RpcFaults, RpcGateway } from '../rpc-gateway.ts';
import { eventOf } from '../scene.ts';
import type { Sight } from '../sight.ts';
import { type Scenario, SMALL_OFFER, SMALL_PACE, smallTerms } from './scenario.ts';

/** End points of each party: as many as people put into a configuration. */
const ENDPOINTS = 3;
/** How long a fault stays: a few blocks. */
const WEATHER_MS = 3_000;
const SEED = 7;

/** What an end point suffers from beside its age, one at a time; of three one is spared. */
const WEATHER: readonly RpcFaults[] = [
  { isDown: true },
  { tooMany: 0.7 },
  { unavailable: 0.7 },
  { dropBefore: 0.3, dropAfter: 0.3 },
  { lateMs: 900, repeatSend: 0.5 },
];

/** The end points of all parties: those of one are 0, 1 and 2 blocks behind, others every few seconds, and fail in turns. */
class Flapping {
  readonly #random: Random = seededRandom(SEED);
  readonly #parties: RpcGateway[][] = [];
  readonly #timer = setInterval(() => this.#change(), WEATHER_MS);

  async endpoints(target: string): Promise<string[]> {
    const starts = Array.from({ length: ENDPOINTS }, (_, i) => RpcGateway.start({ target, seed: SEED + i }));
    const gateways = await Promise.all(starts);
    this.#parties.push(gateways);
    return gateways.map(({ url }) => url);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#parties.flat().map((gateway) => gateway.stop()));
  }

  #change(): void {
    for (const gateways of this.#parties) {
      const spared = this.#random.int(ENDPOINTS);
      const shift = this.#random.int(ENDPOINTS);
      for (const [i, gateway] of gateways.entries()) {
        const fault = i === spared ? {} : WEATHER[this.#random.int(WEATHER.length)]!;
        gateway.faults({ lagBlocks: (i + shift) % ENDPOINTS, ...fault });
      }
    }
  }
}

/** What makes two calls the same; a proof is due once in a period. */
function keyOf({ call, from, args, time }: Sight): string {
  const period = call === 'submitProof' ? Math.floor(time / SMALL_PACE.periodSeconds) : '';
  return [call, from, period, ...args.slice(0, 2).filter((arg) => typeof arg !== 'object')].join(' ');
}

/** Nobody has an end point that can be relied on, from the start of its node to the end. */
export const RPC_FLAPS: Scenario = {
  name: 'rpc-flaps',
  title: 'Three end points of each node lag, refuse and break off in turns; no event is missed, nothing is done twice',
  hosts: 3,
  pace: SMALL_PACE,
  market() {
    const flapping = new Flapping();
    return { providersOf: (_, chain) => flapping.endpoints(chain.url), end: () => flapping.end() };
  },
  async play(scene, source) {
    await scene.offer(SMALL_OFFER);
    const contract = await scene.buy(source, smallTerms());
    await scene.filled(contract);
    scene.step('all slots are filled');
    await scene.proved(contract);
    scene.step('every slot is proved');
    await scene.skipTo(contract.end, [contract]);
    await scene.paid(contract);
    await scene.refunded(contract);
    const calls = scene.sights.filter(({ ok }) => ok).map(keyOf);
    const twice = calls.filter((key, at) => calls.indexOf(key) !== at);
    scene.expect(`nothing is done twice: ${twice.join(', ')}`, twice.length === 0);
    scene.expect('no slot was taken away', eventOf(scene.sights, contract, 'SlotFreed') === undefined);
    // What was sent after a look at an old block, or went out seconds later, can come too late; nothing that moves money can.
    scene.expectOnlyLate(({ call }) => ['reserveSlot', 'fillSlot', 'submitProof'].includes(call));
  },
};
