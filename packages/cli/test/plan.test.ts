import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EXIT } from '../src/exit-codes.ts';

const run = (...args: string[]) => {
  const main = join(import.meta.dirname, '../src/main.ts');
  return spawnSync(process.execPath, [main, 'plan', ...args], { encoding: 'utf8' });
};

it('prints plans as JSON, cheapest first, without a node', () => {
  const { status, stdout } = run('--size', '1GiB', '--duration', '30d', '--loss', '1e-6', '--price', '3', '--json');
  expect(status).toBe(0);
  const plans = JSON.parse(stdout);
  expect(plans.length).toBeGreaterThan(1);
  for (const plan of plans) {
    expect(plan.loss).toBeLessThanOrEqual(1e-6);
    expect(BigInt(plan.price)).toBe(BigInt(plan.storedBytes) * 30n * 86_400n * 3n);
  }
  const prices = plans.map(({ price }: { price: string }) => BigInt(price));
  expect(prices.every((price: bigint, i: number) => i === 0 || price >= prices[i - 1]!)).toBe(true);
});

it('plans more slots for hosts that repair later', () => {
  const cheapest = (...args: string[]) => {
    const { stdout } = run('--size', '1GiB', '--duration', '30d', '--loss', '1e-6', '--json', ...args);
    return JSON.parse(stdout)[0].storedBytes as number;
  };
  expect(cheapest('--repair-threshold', '4')).toBeGreaterThan(cheapest());
});

it('prints a table for people', () => {
  const { status, stdout } = run('--size', '1GiB', '--duration', '1w');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^nodes +tolerance +proof-probability/);
});

it.each([
  [['--size', 'much', '--duration', '1d']],
  [['--size', '1GiB', '--duration', 'soon']],
  [['--size', '1GiB', '--duration', '1d', '--loss', '1']],
  [['--size', '100', '--duration', '1d']],
  [['--duration', '1d']],
])('refuses %j', (args) => {
  const { status, stderr } = run(...args);
  expect(status).toBe(EXIT.USAGE);
  expect(stderr).not.toBe('');
});
