import { type Address, concat, type Hex, padHex } from 'viem';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BYTECODE, testTokenAbi, vaultAbi } from '../src/index.ts';
import { Lab } from './support/market.ts';

const GRAVE = '0x000000000000000000000000000000000000dEaD';
/** Events of the token are decoded beside those of the vault. */
const ABI = [...vaultAbi, ...testTokenAbi.filter(({ type }) => type === 'event')];
const [INACTIVE, LOCKED, FROZEN, WITHDRAWING] = [0, 1, 2, 3];

describe('Vault', () => {
  let lab: Lab;
  let vault: Address;
  let token: Address;
  let owner: Address;
  let controller: Address;
  let alice: Address;
  let bob: Address;
  let fund: Hex;
  let start: bigint;
  let funds = 0;
  const accountOf = (holder: Address, discriminator = '0x') =>
    concat([holder, padHex(discriminator as Hex, { size: 12 })]);
  const call = (name: string, args: readonly unknown[], time?: bigint, from = controller) =>
    lab.send(vault, ABI, from, name, args, time);
  const ask = (name: string, args: readonly unknown[]) => lab.ask(vault, vaultAbi, name, args, controller);
  const balanceOf = async (holder: Address) => (await lab.ask(token, testTokenAbi, 'balanceOf', [holder])) as bigint;
  const at = (time: bigint) => lab.chain.mineAt(time);
  const balances = async (account: Hex) => [
    await ask('getBalance', [fund, account]),
    await ask('getDesignatedBalance', [fund, account]),
  ];

  beforeAll(async () => {
    lab = await Lab.start();
    [owner, controller, alice, bob] = lab.accounts as [Address, Address, Address, Address];
    token = await lab.create(testTokenAbi, BYTECODE.TestToken);
    vault = await lab.create(vaultAbi, BYTECODE.Vault, [token]);
    await lab.send(token, testTokenAbi, controller, 'mint', [controller, 10n ** 12n]);
    await lab.send(token, testTokenAbi, controller, 'approve', [vault, 2n ** 256n - 1n]);
  });
  afterAll(() => lab.chain.stop());
  beforeEach(async () => {
    fund = padHex(`0x${(++funds).toString(16)}`, { size: 32 });
    start = (await lab.now()) + 1n;
  });
  /** A fund that is locked for 100 s, for 200 at most, with 1000 tokens of Alice's. */
  const locked = async () => {
    await call('lock', [fund, Number(start) + 100, Number(start) + 200], start);
    await call('deposit', [fund, accountOf(alice), 1000n]);
  };

  it('writes and reads the ids of accounts', async () => {
    const id = accountOf(alice, '0x0102030405060708090a0b0c');
    expect(await ask('encodeAccountId', [alice, '0x0102030405060708090a0b0c'])).toBe(id.toLowerCase());
    expect(await ask('decodeAccountId', [id])).toEqual([alice, '0x0102030405060708090a0b0c']);
  });

  it('locks a fund once, and extends the lock up to its maximum', async () => {
    expect(await ask('getFundStatus', [fund])).toBe(INACTIVE);
    await expect(call('lock', [fund, Number(start) + 2, Number(start) + 1])).rejects.toThrow('VaultInvalidExpiry');
    await locked();
    expect(await ask('getFundStatus', [fund])).toBe(LOCKED);
    expect(await ask('getLockExpiry', [fund])).toBe(Number(start) + 100);
    await expect(call('lock', [fund, Number(start) + 100, Number(start) + 200])).rejects.toThrow(
      'VaultFundAlreadyLocked',
    );
    await expect(call('extendLock', [fund, Number(start) + 99])).rejects.toThrow('VaultInvalidExpiry');
    await expect(call('extendLock', [fund, Number(start) + 201])).rejects.toThrow('VaultInvalidExpiry');
    await call('extendLock', [fund, Number(start) + 200]);
    await at(start + 200n);
    expect(await ask('getFundStatus', [fund])).toBe(WITHDRAWING);
    await call('withdraw', [fund, accountOf(alice)]);
    // Used ids stay used: old flows would start again.
    await expect(call('lock', [fund, Number(start) + 900, Number(start) + 900])).rejects.toThrow(
      'VaultFundAlreadyLocked',
    );
  });

  it('keeps funds of controllers apart', async () => {
    await locked();
    await expect(call('transfer', [fund, accountOf(alice), accountOf(bob), 1n], undefined, bob)).rejects.toThrow(
      'VaultFundNotLocked',
    );
    await call('lock', [fund, Number(start) + 100, Number(start) + 200], undefined, bob);
    await expect(call('transfer', [fund, accountOf(alice), accountOf(bob), 1n], undefined, bob)).rejects.toThrow(
      'VaultInsufficientBalance',
    );
  });

  it('moves what is available, not what is designated', async () => {
    await locked();
    await call('designate', [fund, accountOf(alice), 400n]);
    expect(await balances(accountOf(alice))).toEqual([1000n, 400n]);
    await expect(call('transfer', [fund, accountOf(alice), accountOf(bob), 601n])).rejects.toThrow(
      'VaultInsufficientBalance',
    );
    await call('transfer', [fund, accountOf(alice), accountOf(bob), 600n]);
    expect(await balances(accountOf(bob))).toEqual([600n, 0n]);
    await call('transfer', [fund, accountOf(bob), accountOf(bob), 600n]);
    expect(await balances(accountOf(bob))).toEqual([600n, 0n]);
    await expect(call('designate', [fund, accountOf(bob), 601n])).rejects.toThrow('VaultInsufficientBalance');
  });

  it('lets tokens flow as long as the lock may last, and lands them as designated', async () => {
    const others = await balanceOf(vault);
    await locked();
    await expect(call('flow', [fund, accountOf(alice), accountOf(bob), 6n], start)).rejects.toThrow(
      'VaultInsufficientBalance',
    );
    await call('flow', [fund, accountOf(alice), accountOf(bob), 5n], start);
    // All of it is promised.
    await expect(call('transfer', [fund, accountOf(alice), accountOf(bob), 1n])).rejects.toThrow(
      'VaultInsufficientBalance',
    );
    await at(start + 40n);
    expect(await balances(accountOf(alice))).toEqual([800n, 0n]);
    expect(await balances(accountOf(bob))).toEqual([200n, 200n]);
    // Back the other way: it ends.
    await call('flow', [fund, accountOf(bob), accountOf(alice), 5n], start + 50n);
    await at(start + 90n);
    // What flows round and round lands as designated; the sum stays.
    expect(await balances(accountOf(alice))).toEqual([750n, 200n]);
    expect(await balances(accountOf(bob))).toEqual([250n, 250n]);
    await at(start + 300n);
    expect(await balances(accountOf(bob))).toEqual([250n, 250n]);
    await call('withdraw', [fund, accountOf(alice)]);
    await call('withdraw', [fund, accountOf(bob)]);
    expect(await balanceOf(vault)).toBe(others);
  });

  it('burns designated tokens with those that have flown in until now (R14)', async () => {
    await locked();
    await call('flow', [fund, accountOf(alice), accountOf(bob), 2n], start);
    await call('deposit', [fund, accountOf(bob), 0n], start);
    const burned = await balanceOf(GRAVE);
    // On the old rule nothing was there to burn until another call settled the account.
    await expect(call('burnDesignated', [fund, accountOf(bob), 61n], start + 30n)).rejects.toThrow(
      'VaultInsufficientBalance',
    );
    await call('burnDesignated', [fund, accountOf(bob), 60n], start + 30n);
    expect((await balanceOf(GRAVE)) - burned).toBe(60n);
    expect(await balances(accountOf(bob))).toEqual([0n, 0n]);
  });

  it('burns an account whose flows are even', async () => {
    await locked();
    await call('flow', [fund, accountOf(alice), accountOf(bob), 2n], start);
    await expect(call('burnAccount', [fund, accountOf(bob)])).rejects.toThrow('VaultFlowNotZero');
    await call('flow', [fund, accountOf(bob), accountOf(alice), 2n], start + 10n);
    const burned = await balanceOf(GRAVE);
    await call('burnAccount', [fund, accountOf(bob)]);
    expect((await balanceOf(GRAVE)) - burned).toBe(20n);
    expect(await balances(accountOf(bob))).toEqual([0n, 0n]);
  });

  it('freezes a fund: flows stop, and nothing moves until the lock ends', async () => {
    await locked();
    await call('flow', [fund, accountOf(alice), accountOf(bob), 5n], start);
    await call('freezeFund', [fund], start + 20n);
    expect(await ask('getFundStatus', [fund])).toBe(FROZEN);
    for (const [name, ...args] of [
      ['transfer', fund, accountOf(alice), accountOf(bob), 1n],
      ['freezeFund', fund],
      ['deposit', fund, accountOf(alice), 1n],
      ['burnDesignated', fund, accountOf(bob), 1n],
      ['extendLock', fund, Number(start) + 150],
    ] as const) {
      await expect(call(name, args)).rejects.toThrow('VaultFundNotLocked');
    }
    await expect(call('withdraw', [fund, accountOf(bob)])).rejects.toThrow('VaultFundNotUnlocked');
    expect(await balances(accountOf(bob))).toEqual([0n, 0n]);
    await at(start + 100n);
    expect(await balances(accountOf(bob))).toEqual([100n, 100n]);
    const before = await balanceOf(bob);
    await call('withdrawByRecipient', [controller, fund, accountOf(bob)], undefined, bob);
    expect((await balanceOf(bob)) - before).toBe(100n);
    await call('withdrawByRecipient', [controller, fund, accountOf(bob)], undefined, bob);
    expect((await balanceOf(bob)) - before).toBe(100n);
  });

  it('can be paused by its owner, but holders get what is theirs', async () => {
    await locked();
    await expect(call('pause', [])).rejects.toThrow('OwnableUnauthorizedAccount');
    await call('pause', [], undefined, owner);
    await at(start + 100n);
    await expect(call('withdraw', [fund, accountOf(alice)])).rejects.toThrow('EnforcedPause');
    await expect(call('withdrawByRecipient', [controller, fund, accountOf(alice)], undefined, bob)).rejects.toThrow(
      'VaultOnlyAccountHolder',
    );
    await call('withdrawByRecipient', [controller, fund, accountOf(alice)], undefined, alice);
    await call('unpause', [], undefined, owner);
    await expect(call('unpause', [], undefined, owner)).rejects.toThrow('ExpectedPause');
    await call('transferOwnership', [alice], undefined, owner);
    await expect(call('pause', [], undefined, owner)).rejects.toThrow('OwnableUnauthorizedAccount');
    await call('transferOwnership', [owner], undefined, alice);
    await expect(call('transferOwnership', [`0x${'00'.repeat(20)}`], undefined, owner)).rejects.toThrow(
      'OwnableInvalidOwner',
    );
  });
});
