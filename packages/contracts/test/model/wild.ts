import type { Random } from '@codex/runtime';
import { type Bytes32, type Call, slotIdOf } from '../../src/model/index.ts';
import { periodOf } from '../../src/model/proofs.ts';
import { bytes32, spoiltRequest } from './requests.ts';
import { type Act, slotsInPlay, type World } from './world.ts';

const pick = <T>(random: Random, from: readonly T[]): T => from[random.int(from.length)]!;
const UINT64_MAX = 2n ** 64n - 1n;

/** How often each is tried. */
const NAMES: readonly Call['name'][] = [
  ...(['requestStorage', 'requestStorage', 'requestStorage'] as const),
  ...(['reserveSlot', 'reserveSlot', 'fillSlot', 'fillSlot', 'submitProof', 'submitProof'] as const),
  ...(['markProofAsMissing', 'markProofAsMissing', 'canMarkProofAsMissing'] as const),
  ...(['freeSlot', 'withdrawFunds', 'withdrawFunds', 'transfer', 'approve', 'mint'] as const),
];

/** Anybody calls anything with anything: strangers, impostors, late comers, thieves. Lives are not to be ended by it often. */
export function wildAct(world: World, random: Random): Act {
  const { puppets, state, block } = world;
  let actor = random.int(puppets.length);
  const known = [...state.requests.values()];
  const places = slotsInPlay(world);
  const anyRequest = (): Bytes32 =>
    known.length === 0 || random.int(12) === 0
      ? bytes32(random)
      : random.int(4) === 0
        ? pick(random, known).id
        : recent();
  const recent = (): Bytes32 => (world.watched.length > 0 ? pick(random, world.watched) : pick(random, known)).id;
  const anySlot = (): Bytes32 =>
    places.length === 0 || random.int(10) === 0
      ? slotIdOf(anyRequest(), BigInt(random.int(5)))
      : pick(random, places).slotId;
  const anyIndex = (): bigint => pick(random, [0n, 0n, 1n, 2n, 3n, 4n, UINT64_MAX]);
  const anybody = () => (random.int(8) === 0 ? (`0x${'0'.repeat(40)}` as const) : pick(random, puppets));
  const proof = { valid: random.int(3) > 0 };
  /** Half of the time it is who should. */
  const asHostOf = (slotId: Bytes32) => {
    const host = puppets.indexOf(state.hostOf(slotId));
    if (host >= 0 && random.int(2) === 0) actor = host;
  };
  const period = (): bigint => {
    const now = periodOf(state.config, block.timestamp);
    return pick(random, [0n, now, now, now + 1n, now - 1n, now - 1n, now - 1n, now - 2n, now - 3n, UINT64_MAX]);
  };

  const name = pick(random, NAMES);
  switch (name) {
    case 'requestStorage': {
      const kind = random.int(6);
      const asked = known.length > 0 ? pick(random, known).request : undefined;
      if (kind === 0 && asked) return { actor: puppets.indexOf(asked.client), call: { name, request: asked } };
      const client = kind === 1 ? pick(random, puppets) : puppets[actor]!;
      return { actor, call: { name, request: spoiltRequest(random, client, state.config.proofs.period) } };
    }
    case 'reserveSlot':
      return { actor, call: { name, requestId: anyRequest(), index: anyIndex() } };
    case 'fillSlot': {
      const record = world.watched.length > 0 ? pick(random, world.watched) : undefined;
      const claimed = [...(record?.reservations ?? [])].flatMap(([slotId, list]) =>
        list.map(({ host }) => ({ slotId, host })),
      );
      if (!record || claimed.length === 0 || random.int(2) === 0) {
        return { actor, call: { name, requestId: anyRequest(), index: anyIndex(), proof } };
      }
      const { slotId, host } = pick(random, claimed);
      const index = [...record.slotIds].find(([, id]) => id === slotId)?.[0] ?? 0n;
      return { actor: puppets.indexOf(host), call: { name, requestId: record.id, index, proof } };
    }
    case 'submitProof': {
      const slotId = anySlot();
      asHostOf(slotId);
      return { actor, call: { name, slotId, proof } };
    }
    case 'markProofAsMissing':
    case 'canMarkProofAsMissing': {
      const slotId = anySlot();
      if (random.int(3) === 0) asHostOf(slotId);
      return { actor, call: { name, slotId, period: period() } };
    }
    case 'freeSlot': {
      const slotId = anySlot();
      // The host itself only when it has been paid: it would give its slot up otherwise.
      if (world.state.slots.get(slotId)?.state === 4) asHostOf(slotId);
      return {
        actor,
        call: { name, slotId, ...(random.int(2) === 0 && { recipients: [anybody(), anybody()] as const }) },
      };
    }
    case 'withdrawFunds': {
      const requestId = anyRequest();
      const client = puppets.indexOf(state.requests.get(requestId)?.request.client ?? '0x');
      if (client >= 0 && random.int(2) === 0) actor = client;
      return { actor, call: { name, requestId, ...(random.int(2) === 0 && { recipient: anybody() }) } };
    }
    case 'transfer':
      // Some of it is given to the market itself.
      return {
        actor,
        call: {
          name,
          to: random.int(4) === 0 ? state.address : anybody(),
          amount: pick(random, [0n, 1n, 1000n, 2n ** 255n]),
        },
      };
    case 'approve':
      return { actor, call: { name, amount: pick(random, [0n, 100n, 2n ** 190n, 2n ** 256n - 1n, 2n ** 256n - 1n]) } };
    case 'mint':
      return { actor, call: { name, to: anybody(), amount: pick(random, [0n, 1n, 2n ** 180n, 2n ** 256n - 1n]) } };
  }
}
