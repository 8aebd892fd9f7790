import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BYTECODE,
  EmbeddedChain,
  type MarketplaceConfig,
  marketplaceAbi,
  NETWORKS,
  networkConfig,
} from '../../src/index.ts';
import { Lab } from '../support/market.ts';

const TOKEN = `0x${'01'.repeat(20)}` as const;
const { config, rules } = networkConfig('default');

type Collateral = MarketplaceConfig['collateral'];
const collateral = (repair: number, slashes: number, slash: number, validator: number): Collateral => ({
  repairRewardPercentage: repair,
  maxNumberOfSlashes: slashes,
  slashPercentage: slash,
  validatorRewardPercentage: validator,
});

describe('the configuration of a marketplace', () => {
  let lab: Lab;
  const create = (changed: MarketplaceConfig) =>
    lab.create(marketplaceAbi, BYTECODE.Marketplace, [changed, TOKEN, TOKEN, rules]);
  beforeAll(async () => {
    lab = await Lab.start();
  });
  afterAll(() => lab.chain.stop());

  it.each(Object.values(NETWORKS))('of the network $name is taken and shown', async (network) => {
    const at = await lab.create(marketplaceAbi, BYTECODE.Marketplace, [network.config, TOKEN, TOKEN, network.rules]);
    expect(await lab.ask(at, marketplaceAbi, 'configuration', [])).toEqual(network.config);
    expect(await lab.ask(at, marketplaceAbi, 'rules', [])).toEqual(network.rules);
    expect(await lab.ask(at, marketplaceAbi, 'token', [])).toBe(TOKEN);
  });

  it.each([
    ['Marketplace_RepairRewardPercentageTooHigh', collateral(101, 255, 255, 255)],
    ['Marketplace_SlashPercentageTooHigh', collateral(100, 255, 101, 255)],
    ['Marketplace_ValidatorRewardPercentageTooHigh', collateral(100, 255, 100, 101)],
    // The product is above 255: with numbers of 8 bits it would panic (R2).
    ['Marketplace_MaximumSlashingTooHigh', collateral(0, 5, 60, 0)],
    ['Marketplace_MaximumSlashingTooHigh', collateral(0, 255, 100, 100)],
    ['Marketplace_MaximumSlashingTooHigh', collateral(0, 101, 1, 0)],
    // Validators would get all, and nothing would be left for the host that repairs (R2).
    ['Marketplace_InsolventConfiguration', collateral(100, 1, 100, 100)],
    ['Marketplace_InsolventConfiguration', collateral(1, 1, 100, 100)],
    ['Marketplace_InsolventConfiguration', collateral(51, 5, 10, 100)],
    // No slash at all still frees a slot at its first miss.
    ['Marketplace_InsolventConfiguration', collateral(50, 0, 100, 51)],
  ])('gives %s', async (error, changed) => {
    await expect(create({ ...config, collateral: changed })).rejects.toThrow(error);
  });

  it.each([
    collateral(0, 0, 0, 0),
    collateral(100, 1, 0, 100),
    collateral(100, 1, 100, 0),
    collateral(50, 5, 10, 100),
    collateral(0, 1, 100, 100),
    collateral(50, 100, 1, 50),
  ])('may go to the limits: %o', async (changed) => {
    await create({ ...config, collateral: changed });
  });

  it('takes any downtime', async () => {
    for (const downtime of [0, 1, 255]) await create({ ...config, proofs: { ...config.proofs, downtime } });
  });

  it('names a period of 0 before all else', async () => {
    const proofs = { ...config.proofs, period: 0n };
    const changed = { ...config, proofs, collateral: collateral(101, 0, 0, 0) };
    await expect(create(changed)).rejects.toThrow('Periods_InvalidSecondsPerPeriod');
  });

  it('needs a chain of more than 256 blocks', async () => {
    const chain = new EmbeddedChain({ onDemand: true });
    await chain.start();
    try {
      const young = await Lab.on(chain);
      const at = (number: number) => chain.mine(number, 0);
      await at(255);
      const args = [{ ...config, collateral: collateral(101, 0, 0, 0) }, TOKEN, TOKEN, rules];
      // In block 256, then in block 257.
      const create = () => young.create(marketplaceAbi, BYTECODE.Marketplace, args);
      await expect(create()).rejects.toThrow('Proofs_InsufficientBlockHeight');
      await expect(create()).rejects.toThrow('Marketplace_RepairRewardPercentageTooHigh');
    } finally {
      await chain.stop();
    }
  });
});
