import { DevnetError } from '../errors.ts';
import { lowerCase } from './lower-case.ts';
import type { Market } from './market.ts';
import { ModelMoney } from './model-money.ts';

export interface PartyMoney {
  readonly name: string;
  /** Units of the token: less or more than at first. */
  readonly change: bigint;
}

/** Who has what at the end of a story. */
export interface MoneyResult {
  readonly money: readonly PartyMoney[];
  /** Units of the token that stay in the marketplace. */
  readonly left: bigint;
}

/**
 * Plays all calls again on the model of the contracts, and holds what everybody has against it, to the last unit.
 * Error: `STORY_FAILED`.
 */
export async function checkMoney(market: Market): Promise<MoneyResult> {
  const { chain, parties, rules, watch } = market;
  const marketplace = lowerCase(chain.marketplace);
  const balances = new Map(parties.map(({ address, tokens }) => [lowerCase(address), tokens]));
  const model = new ModelMoney({ ...rules, marketplace, balances });
  for (const sight of watch.sights) {
    const error = model.apply(sight);
    if (error) throw new DevnetError('STORY_FAILED', `The chain took ${sight.call}; the model says ${error}`);
  }
  const money: PartyMoney[] = [];
  for (const { name, address } of [...parties, { name: 'the marketplace', address: marketplace }]) {
    const balance = await watch.balance(address);
    const expected = model.balanceOf(lowerCase(address));
    if (balance !== expected) {
      const message = `${name} has ${balance} units of the token; by the rules it is ${expected}`;
      throw new DevnetError('STORY_FAILED', message);
    }
    money.push({ name, change: balance - (balances.get(lowerCase(address)) ?? 0n) });
  }
  const left = money.pop()!.change;
  return { money, left };
}
