import { type Abi, type Address, encodeFunctionData, type Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Compiled } from '../../build/compile.ts';
import { requestIdOf, slotIdOf, testMarketplaceAbi, testTokenAbi } from '../../src/index.ts';
import { compileAttackers } from '../support/attackers.ts';
import { Lab, Market, PROOF } from '../support/market.ts';

const [REFUSING, SILENT, CALLING] = [1, 2, 3];

let attackers: Map<string, Compiled>;
let lab: Lab;
const create = (name: string): Promise<Address> => {
  const { abi, bytecode } = attackers.get(name)!;
  return lab.create(abi as Abi, bytecode);
};

beforeAll(async () => {
  attackers = compileAttackers();
  lab = await Lab.start();
}, 120_000);
afterAll(() => lab.chain.stop());

describe('a hostile token', () => {
  let token: Address;
  let market: Market;
  let abi: Abi;
  const tell = (name: string, args: readonly unknown[]) => lab.send(token, abi, lab.accounts[0]!, name, args);
  const encode = (functionName: string, args: readonly unknown[]) =>
    encodeFunctionData({ abi: testMarketplaceAbi as Abi, functionName, args });
  const act = (functionName: string, args: readonly unknown[]) =>
    lab.send(token, [...abi, ...Market.abi], lab.accounts[0]!, 'act', [market.address, encode(functionName, args)]);

  beforeAll(async () => {
    abi = attackers.get('HostileToken')!.abi as Abi;
    token = await create('HostileToken');
    market = await Market.create(lab, { token });
    await tell('mint', [token, 10n ** 18n]);
    await tell('act', [
      token,
      encodeFunctionData({ abi: testTokenAbi, functionName: 'approve', args: [market.address, 2n ** 256n - 1n] }),
    ]);
  });

  it('that moves nothing and says so makes every call fail, and nothing of it stays (R15)', async () => {
    const { id, at, slots } = await market.started();
    const request = market.request();
    const other = await market.requested(market.request());
    await market.send(market.host(4), 'reserveSlot', [other.id, 0n]);
    await tell('set', [REFUSING, token, '0x']);
    await expect(market.send(market.client, 'requestStorage', [request])).rejects.toThrow('Marketplace_TransferFailed');
    await expect(market.ask('requestState', [requestIdOf(request)])).rejects.toThrow('Marketplace_UnknownRequest');
    await expect(market.send(market.host(4), 'fillSlot', [other.id, 0n, PROOF])).rejects.toThrow(
      'Marketplace_TransferFailed',
    );
    expect(await market.ask('slotState', [slotIdOf(other.id, 0n)])).toBe(0);
    await market.at(at + 1001n);
    await expect(market.send(market.host(0), 'freeSlot', [slots[0]!])).rejects.toThrow('Marketplace_TransferFailed');
    expect(await market.ask('slotState', [slots[0]!])).toBe(2);
    await expect(market.send(market.client, 'withdrawFunds', [other.id])).rejects.toThrow('Marketplace_TransferFailed');
    await tell('set', [SILENT, token, '0x']);
    // One that answers nothing is taken at its deed.
    await market.send(market.host(0), 'freeSlot', [slots[0]!]);
    await market.send(market.client, 'withdrawFunds', [other.id]);
    await tell('set', [0, token, '0x']);
    await market.send(market.host(1), 'freeSlot', [slots[1]!]);
    await market.send(market.host(2), 'freeSlot', [slots[2]!]);
    await market.send(market.client, 'withdrawFunds', [id]);
    expect(await market.balance()).toBe(0n);
  });

  it('cannot come back in before a call has ended', async () => {
    // The token itself is host and client, so that it may make all the calls that it repeats.
    const request = { ...market.request({ slots: 1n, maxSlotLoss: 0n }), client: token };
    const id = requestIdOf(request);
    const slot = slotIdOf(id, 0n);
    const attacked = async (functionName: string, args: readonly unknown[], again = encode(functionName, args)) => {
      await tell('set', [CALLING, market.address, again]);
      await act(functionName, args);
      expect(await lab.ask(token, abi, 'called', [])).toBe(true);
      expect(await lab.ask(token, abi, 'succeeded', [])).toBe(false);
      const error = (await lab.ask(token, abi, 'answer', [])) as Hex;
      expect(error).toBe('0x3ee5aeb5'); // ReentrancyGuardReentrantCall()
    };
    await attacked('requestStorage', [request]);
    await tell('set', [0, token, '0x']);
    await act('reserveSlot', [id, 0n]);
    await attacked('fillSlot', [id, 0n, PROOF], encode('freeSlot', [slot]));
    const at = await lab.now();
    await market.at(at + 1001n);
    const before = await market.balance(token);
    await attacked('freeSlot', [slot]);
    expect((await market.balance(token)) - before).toBe(1000n * 2048n + 100n * 1024n);
    await tell('set', [0, token, '0x']);
    await act('withdrawFunds', [id]);
    expect(await market.balance()).toBe(0n);
  });

  it('cannot be paid twice by a withdrawal within a withdrawal', async () => {
    const request = { ...market.request(), client: token };
    const id = requestIdOf(request);
    await tell('set', [0, token, '0x']);
    await act('requestStorage', [request]);
    await market.at((await lab.now()) + 301n);
    await tell('set', [CALLING, market.address, encode('withdrawFunds', [id])]);
    const before = await market.balance(token);
    await act('withdrawFunds', [id]);
    expect(await lab.ask(token, abi, 'succeeded', [])).toBe(false);
    expect((await market.balance(token)) - before).toBe(3000n * 2048n);
  });
});

describe('a proof', () => {
  let market: Market;
  /** The proof of these signals, as the stand-in for a circuit takes it. */
  const proofOf = (challenge: bigint, root: bigint, index: bigint) => ({
    ...PROOF,
    a: { x: challenge, y: root },
    c: { x: index, y: 0n },
  });
  const proofFor = async (slot: Hex, index: bigint, root: bigint) => {
    const challenge = await market.ask('getChallenge', [slot]);
    const element = (await market.ask('challengeToFieldElement', [challenge])) as bigint;
    return proofOf(element, root, index);
  };
  const ROOT = BigInt(`0x${'11'.repeat(32)}`);
  /** As `started`, with proofs of the signals. */
  const start = async () => {
    const { id } = await market.requested(market.request({ duration: 1_000_000n }));
    for (const index of [0, 1, 2]) {
      const slot = slotIdOf(id, BigInt(index));
      await market.send(market.host(index), 'reserveSlot', [id, BigInt(index)]);
      const proof = await proofFor(slot, BigInt(index), ROOT);
      await market.send(market.host(index), 'fillSlot', [id, BigInt(index), proof]);
    }
    return { id, slots: [slotIdOf(id, 0n), slotIdOf(id, 1n), slotIdOf(id, 2n)] as const };
  };

  beforeAll(async () => {
    market = await Market.create(lab, { verifier: await create('SignalsVerifier') });
  });

  it('of another slot, another dataset or another period proves nothing', async () => {
    const { slots } = await start();
    const { period } = market.config.proofs;
    await market.at(((await lab.now()) / period + 1n) * period);
    const stale = await proofFor(slots[0], 0n, ROOT);
    const submit = (proof: unknown) => market.send(market.host(0), 'submitProof', [slots[0], proof]);
    await expect(submit(await proofFor(slots[1], 0n, ROOT))).rejects.toThrow('Proofs_InvalidProof');
    await expect(submit(await proofFor(slots[0], 1n, ROOT))).rejects.toThrow('Proofs_InvalidProof');
    await expect(submit(await proofFor(slots[0], 0n, ROOT + 1n))).rejects.toThrow('Proofs_InvalidProof');
    await market.at((await lab.now()) + period);
    await expect(submit(stale)).rejects.toThrow('Proofs_InvalidProof');
    await submit(await proofFor(slots[0], 0n, ROOT));
  });

  it('that another host sees cannot be used to fill another slot', async () => {
    const { id } = await market.requested(market.request());
    await market.send(market.host(0), 'reserveSlot', [id, 0n]);
    await market.send(market.host(1), 'reserveSlot', [id, 1n]);
    const proof = await proofFor(slotIdOf(id, 0n), 0n, ROOT);
    await expect(market.send(market.host(1), 'fillSlot', [id, 1n, proof])).rejects.toThrow('Proofs_InvalidProof');
    await market.send(market.host(0), 'fillSlot', [id, 0n, proof]);
  });

  it('is asked for numbers of the field: little-endian, 31 bytes of the challenge, all of the root', async () => {
    const bytes = `0x${Array.from({ length: 32 }, (_, at) => at.toString(16).padStart(2, '0')).join('')}`;
    const swapped = BigInt(
      `0x${Array.from({ length: 32 }, (_, at) => (31 - at).toString(16).padStart(2, '0')).join('')}`,
    );
    expect(await market.ask('merkleRootToFieldElement', [bytes])).toBe(swapped);
    expect(await market.ask('challengeToFieldElement', [bytes])).toBe(swapped % 2n ** 248n);
    // 11 §5.5.
    const challenge = `0x55ed228c02${'00'.repeat(27)}`;
    expect(await market.ask('challengeToFieldElement', [challenge])).toBe(10941033813n);
  });
});
