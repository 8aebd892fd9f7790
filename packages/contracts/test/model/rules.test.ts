import { describe, expect, it } from 'vitest';
import { collateralPerSlot, maxPrice, slashOf, validatorRewardOf } from '../../src/model/amounts.ts';
import {
  type Address,
  type Bytes32,
  type Call,
  configurationError,
  MarketplaceModel,
  type ModelConfig,
  owedOf,
  type Request,
  RequestState,
  requestIdOf,
  SlotState,
  slotIdOf,
} from '../../src/model/index.ts';
import { effectiveProbability, isProofRequiredIn, periodOf } from '../../src/model/proofs.ts';
import { requestEndOf, requestStateOf, slotStateOf } from '../../src/model/request-state.ts';
import { canReserveSlot } from '../../src/model/reservations.ts';
import { shareEligible } from '../../src/model/window.ts';

/** Numbers that a reader can follow: a slot earns 10 a second and stands for 1000. */
const CONFIG: ModelConfig = {
  collateral: { repairRewardPercentage: 10, maxNumberOfSlashes: 2, slashPercentage: 20, validatorRewardPercentage: 20 },
  proofs: { period: 100n, timeout: 30n, downtime: 0, downtimeProduct: 67, zkeyHash: '' },
  reservations: { maxReservations: 3 },
  requestDurationLimit: 10_000n,
  rules: { maxSlotsPerHost: 1, reservationTimeout: 50n, expandingWindow: false },
};
const who = (digit: string): Address => `0x${digit.repeat(40)}`;
const [CLIENT, A, B, C, D, VALIDATOR, MARKET] = ['1', 'a', 'b', 'c', 'd', '9', 'e'].map(who) as [
  Address,
  ...Address[],
] as [Address, Address, Address, Address, Address, Address, Address];
const PURSE = 10n ** 9n;
const BEGIN = 100_000n;

const request = (ask: Partial<Request['ask']> = {}): Request => ({
  client: CLIENT,
  ask: {
    proofProbability: 1n,
    pricePerBytePerSecond: 1n,
    collateralPerByte: 100n,
    slots: 3n,
    slotSize: 10n,
    duration: 1000n,
    maxSlotLoss: 1n,
    ...ask,
  },
  content: { cid: '0x01', merkleRoot: `0x${'11'.repeat(32)}` },
  expiry: 300n,
  nonce: `0x${'22'.repeat(32)}`,
});

/** A market with one request, and hands to move it: times are seconds after the request. */
class Market {
  readonly model: MarketplaceModel;
  readonly id: Bytes32;
  now = 0n;

  constructor(config: Partial<ModelConfig> = {}, asked = request()) {
    this.model = new MarketplaceModel({ ...CONFIG, ...config }, MARKET);
    for (const owner of [CLIENT, A, B, C, D, VALIDATOR]) {
      this.model.state.token.mint(owner, PURSE);
      this.model.state.token.approve(owner, PURSE);
    }
    this.id = requestIdOf(asked);
    this.do(CLIENT, { name: 'requestStorage', request: asked });
  }

  get block() {
    // The pointer of every block points to a hash that is not zero.
    return { number: 1000n + this.now, timestamp: BEGIN + this.now, hashOf: (): Bytes32 => `0x${'33'.repeat(32)}` };
  }

  slot(index: number): Bytes32 {
    return slotIdOf(this.id, BigInt(index));
  }

  do(sender: Address, call: Call): string {
    const result = this.model.apply(call, sender, this.block);
    return result.ok ? result.events.map(({ name }) => name).join(' ') : result.error;
  }

  reserve(host: Address, index: number): string {
    return this.do(host, { name: 'reserveSlot', requestId: this.id, index: BigInt(index) });
  }

  fill(host: Address, index: number): string {
    this.reserve(host, index);
    return this.do(host, { name: 'fillSlot', requestId: this.id, index: BigInt(index), proof: { valid: true } });
  }

  free(host: Address, index: number): string {
    return this.do(host, { name: 'freeSlot', slotId: this.slot(index) });
  }

  prove(host: Address, index: number): string {
    return this.do(host, { name: 'submitProof', slotId: this.slot(index), proof: { valid: true } });
  }

  withdraw(sender = CLIENT): string {
    return this.do(sender, { name: 'withdrawFunds', requestId: this.id });
  }

  /** The validator marks the period before this one. */
  mark(index: number, validator = VALIDATOR): string {
    const period = periodOf(CONFIG, this.block.timestamp) - 1n;
    return this.do(validator, { name: 'markProofAsMissing', slotId: this.slot(index), period });
  }

  /** What somebody has more than at first. */
  gain(owner: Address): bigint {
    return this.model.state.token.balanceOf(owner) - PURSE;
  }

  get held(): bigint {
    return this.model.state.token.balanceOf(MARKET);
  }

  get state(): RequestState {
    return requestStateOf(this.model.state.requests.get(this.id)!, this.block);
  }

  slotState(index: number): SlotState {
    return slotStateOf(this.model.state, this.slot(index), this.block);
  }
}

describe('ids and amounts (12 §1)', () => {
  const asked: Request = {
    client: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
    ask: {
      proofProbability: 4n,
      pricePerBytePerSecond: 1n,
      collateralPerByte: 10n,
      slots: 4n,
      slotSize: 1_048_576n,
      duration: 36_000n,
      maxSlotLoss: 1n,
    },
    content: { cid: '0x01cd0290b2020304', merkleRoot: `0x${'11'.repeat(32)}` },
    expiry: 600n,
    nonce: `0x${'22'.repeat(32)}`,
  };

  it('hashes as the vector', () => {
    const id = requestIdOf(asked);
    expect(id).toBe('0xcb343282132fa91c9c558fc5dbefa9ff68fb3f92cec9dfc4e244e93a78040487');
    expect(slotIdOf(id, 0n)).toBe('0x4b7b68e933bcf23dc351aca82e52afed222e0156919bf2773e2a216ec443dfa3');
    expect(slotIdOf(id, 3n)).toBe('0xefbd4d99f4a3ca5d0e9ef7e655f1cf85b003174bcecfd825d83151943b6eca0e');
  });

  it('counts as the example', () => {
    const ask = { ...asked.ask, slotSize: 1_073_741_824n, collateralPerByte: 1n };
    expect(maxPrice(ask)).toBe(154_618_822_656_000n);
    expect(collateralPerSlot(ask)).toBe(1_073_741_824n);
    expect(slashOf(ask, CONFIG)).toBe(214_748_364n);
    expect(validatorRewardOf(ask, CONFIG)).toBe(42_949_672n);
  });
});

describe('a life', () => {
  it('that finishes pays each host from its filling, and the client gets the rest', () => {
    const market = new Market();
    expect(market.gain(CLIENT)).toBe(-30_000n);
    for (const [at, host] of [A, B, C].entries()) {
      market.now = BigInt(10 * (at + 1));
      market.fill(host, at);
    }
    expect(market.state).toBe(RequestState.Started);
    market.now = 1000n;
    expect(market.state).toBe(RequestState.Started);
    expect(market.withdraw()).toBe('Marketplace_InvalidState');
    market.now = 1001n;
    expect(market.state).toBe(RequestState.Finished);
    for (const [at, host] of [A, B, C].entries()) {
      expect(market.free(host, at)).toBe('Transfer Transfer');
      expect(market.gain(host)).toBe(BigInt(1000 - 10 * (at + 1)) * 10n);
      expect(market.free(host, at)).toBe('Marketplace_AlreadyPaid');
    }
    expect(market.model.state.requestsOf.get(CLIENT)?.has(market.id), 'known until it withdraws (R7)').toBe(true);
    market.withdraw();
    expect(market.gain(CLIENT)).toBe(-30_000n + 600n);
    expect(market.withdraw()).toBe('Marketplace_NothingToWithdraw');
    expect(market.held).toBe(0n);
  });

  it('that is cancelled pays hosts until the expiry (R16)', () => {
    const market = new Market();
    market.now = 100n;
    market.fill(A, 0);
    market.now = 301n;
    expect(market.state).toBe(RequestState.Cancelled);
    expect(market.withdraw()).toBe('RequestCancelled Transfer');
    expect(market.gain(CLIENT)).toBe(-2000n);
    market.free(A, 0);
    expect(market.gain(A)).toBe(2000n);
    expect(market.held).toBe(0n);
  });

  it('that fails pays the hosts that stayed for their time, and the client gets all else (R1, R9)', () => {
    const market = new Market();
    for (const [at, host] of [A, B, C].entries()) market.fill(host, at);
    market.now = 100n;
    expect(market.free(A, 0)).toBe('SlotFreed');
    market.now = 200n;
    expect(market.free(B, 1)).toBe('SlotFreed RequestFailed');
    expect(market.state).toBe(RequestState.Failed);
    expect(requestEndOf(market.model.state.requests.get(market.id)!, market.block)).toBe(BEGIN + 199n);
    expect(market.slotState(2)).toBe(SlotState.Failed);
    market.now = 500n;
    market.free(C, 2);
    expect(market.slotState(2)).toBe(SlotState.Paid);
    expect([market.gain(A), market.gain(B), market.gain(C)]).toEqual([-1000n, -1000n, 2000n]);
    market.withdraw();
    expect(market.gain(CLIENT)).toBe(0n);
    expect(market.held).toBe(0n);
  });

  it('with a lost slot takes the discount of the next host from what the first forfeited (R1)', () => {
    const market = new Market();
    for (const [at, host] of [A, B, C].entries()) market.fill(host, at);
    market.now = 201n;
    expect(market.mark(0)).toBe('Transfer');
    expect(market.gain(VALIDATOR)).toBe(40n);
    market.now = 301n;
    expect(market.mark(0)).toBe('SlotFreed Transfer');
    expect(market.gain(VALIDATOR)).toBe(80n);
    expect(market.slotState(0)).toBe(SlotState.Repair);
    expect(market.fill(D, 0)).toContain('SlotFilled');
    expect(market.gain(D)).toBe(-900n);
    market.now = 1001n;
    market.free(D, 0);
    market.free(B, 1);
    market.free(C, 2);
    expect(market.gain(D), '699 seconds, and 100 of the collateral are its reward').toBe(6990n + 100n);
    market.withdraw();
    // A earned nothing; of its 1000 the validator has 80 and D 100.
    expect(market.gain(CLIENT)).toBe(-30_000n + 3010n + 820n);
    expect(market.held).toBe(0n);
  });
});

describe('the rules', () => {
  it('lets a host take one slot of a request, or as many as configured (R6)', () => {
    const market = new Market();
    expect(market.reserve(A, 0)).toBe('');
    expect(market.reserve(A, 1)).toBe('SlotReservations_ReservationNotAllowed');
    const two = new Market({ rules: { ...CONFIG.rules, maxSlotsPerHost: 2 } });
    expect([two.reserve(A, 0), two.reserve(A, 1)]).toEqual(['', '']);
    expect(two.reserve(A, 2)).toBe('SlotReservations_ReservationNotAllowed');
    const any = new Market({ rules: { ...CONFIG.rules, maxSlotsPerHost: 0 } });
    expect([0, 1, 2].map((index) => any.reserve(A, index))).toEqual(['', '', '']);
  });

  it('lets a new host take the place of the oldest reservation when that is old enough (R6)', () => {
    const market = new Market();
    expect([A, B, C].map((host) => market.reserve(host, 0))).toEqual(['', '', 'SlotReservationsFull']);
    market.now = 49n;
    expect(market.reserve(D, 0)).toBe('SlotReservations_ReservationNotAllowed');
    market.now = 50n;
    expect(market.reserve(A, 0), 'its own is there').toBe('SlotReservations_ReservationNotAllowed');
    expect(market.reserve(D, 0)).toBe('');
    const fill = { name: 'fillSlot', requestId: market.id, index: 0n, proof: { valid: true } } as const;
    expect(market.do(A, fill)).toBe('Marketplace_ReservationRequired');
    expect(market.do(B, fill), 'old, but nobody took its place').toContain('SlotFilled');
  });

  it('reserves nothing of what cannot be filled (R6)', () => {
    const market = new Market();
    const can = (id: Bytes32, index: bigint) => canReserveSlot(market.model.state, id, index, A, market.block);
    expect(can(market.id, 0n)).toBe(true);
    expect(can(`0x${'0'.repeat(64)}`, 0n)).toBe(false);
    expect(can(market.id, 3n)).toBe(false);
    market.now = 300n;
    expect(can(market.id, 0n)).toBe(false);
  });

  it('fills nothing at the very expiry (R4)', () => {
    const market = new Market();
    market.reserve(A, 0);
    market.now = 300n;
    expect(market.state).toBe(RequestState.New);
    expect(market.do(A, { name: 'fillSlot', requestId: market.id, index: 0n, proof: { valid: true } })).toBe(
      'Marketplace_StartNotBeforeExpiry',
    );
  });

  it('keeps proofs and misses apart by filling (R3), and takes none when none is due (R10)', () => {
    const market = new Market();
    for (const [at, host] of [A, B, C].entries()) market.fill(host, at);
    expect(market.prove(A, 0)).toBe('Proofs_ProofAlreadySubmitted');
    market.free(A, 0);
    expect(market.prove(A, 0)).toBe('Marketplace_ProofNotSubmittedByHost');
    expect(market.fill(D, 0), 'in the same period').toContain('SlotFilled');
    market.now = 1001n;
    expect(market.prove(D, 0)).toBe('Marketplace_SlotNotAcceptingProofs');
  });

  it('marks no period that is not over, late, proven, or its own host’s to mark (12 §5, R8)', () => {
    const market = new Market();
    for (const [at, host] of [A, B, C].entries()) market.fill(host, at);
    market.now = 100n;
    expect(market.mark(0), 'the period of the filling').toBe('Proofs_PeriodNotEnded');
    market.now = 101n;
    expect(market.mark(0), 'the period of the filling').toBe('Proofs_ProofNotMissing');
    market.prove(B, 1);
    market.now = 200n;
    expect(market.mark(0)).toBe('Proofs_PeriodNotEnded');
    market.now = 201n;
    expect(market.mark(0, A)).toBe('Marketplace_ValidatorIsHost');
    expect(market.mark(1)).toBe('Proofs_ProofNotMissing');
    expect(market.mark(0)).toBe('Transfer');
    expect(market.mark(0)).toBe('Proofs_ProofAlreadyMarkedMissing');
    market.now = 229n;
    expect(market.mark(2)).toBe('Transfer');
    market.now = 330n;
    expect(market.mark(2)).toBe('Proofs_ValidationTimedOut');
  });

  it('needs a block hash (R12)', () => {
    const market = new Market();
    market.fill(A, 0);
    market.now = 100n;
    const block = { ...market.block, hashOf: (): Bytes32 => `0x${'0'.repeat(64)}` };
    expect(() => isProofRequiredIn(market.model.state, market.slot(0), 1001n, block)).toThrow(
      'Proofs_BlockHashMissing',
    );
    const proof = { name: 'submitProof', slotId: market.slot(0), proof: { valid: true } } as const;
    expect(market.model.apply(proof, A, block)).toEqual({ ok: false, error: 'Proofs_BlockHashMissing' });
  });

  it('never makes a probability nothing (R5)', () => {
    const with64 = { ...CONFIG, proofs: { ...CONFIG.proofs, downtime: 64 } };
    expect([1n, 2n, 100n].map((probability) => effectiveProbability(with64, probability))).toEqual([1n, 1n, 75n]);
  });

  it('opens the window as 17 §6 says', () => {
    const share = (quarters: bigint) => Number(shareEligible(quarters << 62n)) / 2 ** 64;
    expect([1n, 2n, 3n].map((quarters) => share(quarters).toFixed(6))).toEqual(['0.066667', '0.200000', '0.466667']);
  });

  it('takes no configuration that cannot pay (R2)', () => {
    const error = (collateral: Partial<ModelConfig['collateral']>, number = 257n) =>
      configurationError({ ...CONFIG, collateral: { ...CONFIG.collateral, ...collateral } }, { number });
    expect(error({})).toBeUndefined();
    expect(error({}, 256n)).toBe('Proofs_InsufficientBlockHeight');
    expect(error({ maxNumberOfSlashes: 5, slashPercentage: 60 })).toBe('Marketplace_MaximumSlashingTooHigh');
    const all = { maxNumberOfSlashes: 1, slashPercentage: 100, validatorRewardPercentage: 100 };
    expect(error({ ...all, repairRewardPercentage: 1 })).toBe('Marketplace_InsolventConfiguration');
    expect(error({ ...all, repairRewardPercentage: 0 })).toBeUndefined();
  });

  it('owes what it holds', () => {
    const market = new Market();
    market.fill(A, 0);
    expect(owedOf(market.model.state, market.model.state.requests.get(market.id)!, market.block)).toBe(31_000n);
    expect(market.held).toBe(31_000n);
  });
});
