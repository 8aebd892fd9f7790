import { readFileSync, writeFileSync } from 'node:fs';
import type { Address } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BYTECODE,
  deployContracts,
  groth16VerifierAbi,
  HARDHAT_VERIFICATION_KEY,
  networkConfig,
} from '../src/index.ts';
import { verifierArguments } from '../src/verification-key.ts';
import { ACCEPTED, SIGNALS } from './support/accepted-proof.ts';
import { Lab, Market, PROOF } from './support/market.ts';

/**
 * What each operation costs, in gas; `submitProof` and `fillSlot` without the verifier's work, which stands on its own. A change of more
 * than so much, up or down, must be written down: `UPDATE_GAS=1 vitest run packages/contracts/test/gas`.
 */
const TOLERANCE = 0.02;
const FILE = new URL('../gas.json', import.meta.url);

describe('gas', () => {
  let lab: Lab;
  let market: Market;
  const costs: Record<string, number> = {};
  const note = (name: string, { gasUsed }: { gasUsed: bigint }) => {
    costs[name] = Number(gasUsed);
  };

  beforeAll(async () => {
    lab = await Lab.start();
    market = await Market.create(lab);
  });
  afterAll(() => lab.chain.stop());

  it('of each operation is what is written down', async () => {
    const request = market.request({ duration: 1_000_000n });
    note('requestStorage', await market.send(market.client, 'requestStorage', [request]));
    const { id } = await market.requested(market.request({ duration: 1_000_000n }));
    note('reserveSlot, first', await market.send(market.host(0), 'reserveSlot', [id, 0n]));
    note('reserveSlot, second', await market.send(market.host(1), 'reserveSlot', [id, 0n]));
    note('reserveSlot, third', await market.send(market.host(2), 'reserveSlot', [id, 0n]));
    note('fillSlot, first', await market.send(market.host(0), 'fillSlot', [id, 0n, PROOF]));
    await market.filled(id, 1);
    await market.send(market.host(2), 'reserveSlot', [id, 2n]);
    note('fillSlot, last', await market.send(market.host(2), 'fillSlot', [id, 2n, PROOF]));
    const slots = (
      await Promise.all([0, 1, 2].map((host) => market.ask('mySlots', [], market.host(host))))
    ).flat() as `0x${string}`[];
    const [slot] = slots;
    // At a multiple of 128 periods, a new word of flags is begun: the dearest proof; then the usual one.
    const { period } = market.config.proofs;
    await market.at(((await lab.now()) / (128n * period) + 1n) * 128n * period);
    note('submitProof, in a new word', await market.send(market.host(0), 'submitProof', [slot!, PROOF]));
    await market.at((await lab.now()) + period);
    note('submitProof', await market.send(market.host(0), 'submitProof', [slot!, PROOF]));
    note('markProofAsMissing, first', await market.missed(slot!));
    note('markProofAsMissing', await market.missed(slot!));
    await market.missed(slot!);
    await market.missed(slot!);
    note('markProofAsMissing, frees', await market.missed(slot!));
    await market.send(market.host(4), 'reserveSlot', [id, 0n]);
    note('fillSlot, repair', await market.send(market.host(4), 'fillSlot', [id, 0n, PROOF]));
    note('freeSlot, in use', await market.send(market.host(4), 'freeSlot', [slot!]));
    await market.at((await lab.now()) + 1_000_000n);
    note('freeSlot, finished', await market.send(market.host(1), 'freeSlot', [slots[1]!]));
    note('withdrawFunds, finished', await market.send(market.client, 'withdrawFunds', [id]));

    const at = await lab.create(groth16VerifierAbi, BYTECODE.Groth16Verifier, [
      verifierArguments(HARDHAT_VERIFICATION_KEY),
    ]);
    note('verify', await lab.send(at, groth16VerifierAbi, market.host(0), 'verify', [ACCEPTED, SIGNALS]));
    note(
      'verify, refused before the pairing',
      await lab.send(at, groth16VerifierAbi, market.host(0), 'verify', [ACCEPTED, []]),
    );

    if (process.env.UPDATE_GAS) writeFileSync(FILE, `${JSON.stringify(costs, null, 2)}\n`);
    const known = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, number>;
    expect(Object.keys(costs)).toEqual(Object.keys(known));
    for (const [name, cost] of Object.entries(costs)) {
      expect(Math.abs(cost / known[name]! - 1), `${name}: ${cost}, was ${known[name]}`).toBeLessThan(TOLERANCE);
    }
  });

  it('of a proof stays in the class of the reference: 334 525 with the pairing', () => {
    const known = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, number>;
    // Verifying as a transaction counts the 21 000 of every transaction a second time.
    expect(known['submitProof, in a new word']! + known.verify! - 21_000).toBeLessThan(334_525);
  });

  it('of the whole deployment fits into blocks of 8 million', async () => {
    const network = networkConfig('localhost');
    const { contracts } = await deployContracts(
      { transport: lab.chain.transport() },
      { network, verificationKey: HARDHAT_VERIFICATION_KEY, account: lab.accounts[0] as Address },
    );
    for (const { transaction } of Object.values(contracts)) {
      const { gasUsed } = await lab.client.getTransactionReceipt({ hash: transaction });
      expect(gasUsed).toBeLessThan(8_000_000n);
    }
  });
});
