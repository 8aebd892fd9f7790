import { readFileSync } from 'node:fs';
import {
  type Abi,
  type AbiEvent,
  type AbiFunction,
  type AbiParameter,
  toEventSelector,
  toFunctionSelector,
} from 'viem';
import { describe, expect, it } from 'vitest';
import {
  groth16VerifierAbi,
  marketplaceAbi,
  testMarketplaceAbi,
  testTokenAbi,
  testVerifierAbi,
  vaultAbi,
} from '../src/index.ts';

/** The tables of 12 §2, line by line. */
const tables = JSON.parse(readFileSync(new URL('./vectors/interface.json', import.meta.url), 'utf8')) as {
  functions: Record<string, string>;
  events: Record<string, string>;
  errors: Record<string, string>;
  indexed: Record<string, number>;
};

const ALL: Abi = [
  ...marketplaceAbi,
  ...groth16VerifierAbi,
  ...testMarketplaceAbi,
  ...testTokenAbi,
  ...testVerifierAbi,
  ...vaultAbi,
];

/** What our marketplace has beyond the tables. */
const ADDED = {
  functions: ['rules'],
  errors: [
    'Marketplace_ValidatorRewardPercentageTooHigh',
    'Marketplace_InsolventConfiguration',
    'Marketplace_ValidatorIsHost',
    'Marketplace_PriceOverflow',
    'Proofs_BlockHashMissing',
    'ReentrancyGuardReentrantCall',
  ],
  events: ['StorageRequestedBy', 'ProofSubmittedFor'],
};

const selectorOfError = (name: string) => toFunctionSelector(`function ${name}()`).slice(2);

describe('the interface of the contracts', () => {
  it.each(Object.entries(tables.functions))('has the function of selector %s, %s', (selector, name) => {
    const found = ALL.filter(
      (item): item is AbiFunction => item.type === 'function' && toFunctionSelector(item) === `0x${selector}`,
    );
    expect([...new Set(found.map((item) => item.name))]).toEqual([name]);
  });

  it.each(Object.entries(tables.events))('has the event of topic %s, %s', (topic, name) => {
    const found = marketplaceAbi.filter((item) => item.type === 'event' && toEventSelector(item) === `0x${topic}`);
    expect(found.map((item) => (item as AbiEvent).name)).toEqual([name]);
    const inputs = (found[0] as AbiEvent).inputs;
    expect(inputs.filter((input) => input.indexed)).toHaveLength(tables.indexed[name] ?? 0);
  });

  it.each(Object.entries(tables.errors))('has the error of selector %s, %s', (selector, name) => {
    expect(selectorOfError(name)).toBe(selector);
    const abi: Abi = name.startsWith('Vault') ? vaultAbi : marketplaceAbi;
    expect(abi.some((item) => item.type === 'error' && item.name === name && item.inputs.length === 0)).toBe(true);
  });

  it('has nothing else in the marketplace but what is said to be added', () => {
    const abi: Abi = marketplaceAbi;
    const names = (type: string) => abi.flatMap((item) => (item.type === type && 'name' in item ? [item.name] : []));
    const beyond = (type: string, table: Record<string, string>) =>
      names(type).filter((name) => !Object.values(table).includes(name));
    expect(beyond('function', tables.functions).sort()).toEqual(ADDED.functions);
    expect(beyond('event', tables.events).sort()).toEqual([...ADDED.events].sort());
    expect(beyond('error', tables.errors).sort()).toEqual([...ADDED.errors].sort());
  });

  it('orders the members of structures as the ABI and the hashes need', () => {
    const shape = (input: AbiParameter): string =>
      'components' in input
        ? `{${(input.components as readonly AbiParameter[]).map((part) => `${part.name}:${shape(part)}`).join(' ')}}`
        : input.type;
    const outputs = (name: string) => {
      const item = (marketplaceAbi as Abi).find(
        (part) => part.type === 'function' && part.name === name,
      ) as AbiFunction;
      return item.outputs.map((output) => shape(output)).join();
    };
    const request =
      '{client:address ask:{proofProbability:uint256 pricePerBytePerSecond:uint256 collateralPerByte:uint256 slots:uint64 slotSize:uint64 ' +
      'duration:uint64 maxSlotLoss:uint64} content:{cid:bytes merkleRoot:bytes32} expiry:uint64 nonce:bytes32}';
    expect(outputs('getRequest')).toBe(request);
    expect(outputs('getActiveSlot')).toBe(`{request:${request} slotIndex:uint64}`);
    expect(outputs('configuration')).toBe(
      '{collateral:{repairRewardPercentage:uint8 maxNumberOfSlashes:uint8 slashPercentage:uint8 validatorRewardPercentage:uint8} ' +
        'proofs:{period:uint64 timeout:uint64 downtime:uint8 downtimeProduct:uint8 zkeyHash:string} ' +
        'reservations:{maxReservations:uint8} requestDurationLimit:uint64}',
    );
    expect(outputs('rules')).toBe('{maxSlotsPerHost:uint8 reservationTimeout:uint64 expandingWindow:bool}');
  });
});
