import type { MarketplaceConfig, MarketplaceRules, NetworkConfig } from './configuration.ts';
import { ContractsError } from './errors.ts';

/** Thirty days, in seconds. */
const REQUEST_DURATION_LIMIT = 2_592_000n;

/** Proving keys of the reference's networks (11 §5.3). */
const ZKEY_HASHES = {
  hardhat: '65dfa139e1c6dae5f50102cca2a856b759723c6ec6029343c2c6e926b855a6ca',
  devnet: '17adc1656dc6f2bed11900b83eb765afc622da0a03dd0cee5291f40673fddd5c',
  testnet: 'fd338cf5f846a3385efce8d10db33f262bafd0260b2211e27b5e461a45a8df94',
  linea: '754e3339afbb9260109b6dd3ab33a8136046cc45f525c790fbd385dcd8ad35de',
} as const;

const COLLATERAL = {
  repairRewardPercentage: 10,
  maxNumberOfSlashes: 2,
  slashPercentage: 20,
  validatorRewardPercentage: 20,
} as const;

const TEST_COLLATERAL = { ...COLLATERAL, maxNumberOfSlashes: 5, slashPercentage: 10 } as const;

/** One slot each, so that no single host's death fails a request; an hour is long enough to fetch a slot. */
export const DEFAULT_RULES: MarketplaceRules = {
  maxSlotsPerHost: 1,
  reservationTimeout: 3600n,
  expandingWindow: false,
};

const LOCAL_RULES: MarketplaceRules = { ...DEFAULT_RULES, reservationTimeout: 600n };

function defaults(zkeyHash: string): MarketplaceConfig {
  return {
    collateral: COLLATERAL,
    proofs: { period: 120n, timeout: 30n, downtime: 64, downtimeProduct: 67, zkeyHash },
    reservations: { maxReservations: 3 },
    requestDurationLimit: REQUEST_DURATION_LIMIT,
  };
}

function local(name: string, config: Partial<MarketplaceConfig> = {}): NetworkConfig {
  const base = defaults(ZKEY_HASHES.hardhat);
  const proofs = { ...base.proofs, period: 90n, downtime: 96, downtimeProduct: 97 };
  return { name, local: true, rules: LOCAL_RULES, config: { ...base, proofs, ...config } };
}

function remote(name: string, zkeyHash: string): NetworkConfig {
  return { name, local: false, rules: DEFAULT_RULES, config: defaults(zkeyHash) };
}

const FAST_PROOFS = {
  period: 10n,
  timeout: 5n,
  downtime: 64,
  downtimeProduct: 67,
  zkeyHash: ZKEY_HASHES.hardhat,
} as const;

/** The configurations of 12 §7, by name. */
export const NETWORKS: Readonly<Record<string, NetworkConfig>> = {
  default: { ...local('default'), config: defaults(ZKEY_HASHES.hardhat) },
  hardhat: local('hardhat'),
  localhost: local('localhost'),
  test: local('test', { collateral: TEST_COLLATERAL, proofs: FAST_PROOFS }),
  fuzzing: local('fuzzing', {
    collateral: TEST_COLLATERAL,
    proofs: FAST_PROOFS,
    reservations: { maxReservations: 20 },
  }),
  codex_devnet: remote('codex_devnet', ZKEY_HASHES.devnet),
  codex_testnet: remote('codex_testnet', ZKEY_HASHES.testnet),
  linea_testnet: remote('linea_testnet', ZKEY_HASHES.linea),
};

/** The configuration of a name. Error: `NETWORK_UNKNOWN`. */
export function networkConfig(name: string): NetworkConfig {
  const network = Object.hasOwn(NETWORKS, name) ? NETWORKS[name] : undefined;
  if (!network) {
    const names = Object.keys(NETWORKS);
    throw new ContractsError('NETWORK_UNKNOWN', `There is no network ${name}, but ${names.join(', ')}`, { name });
  }
  return network;
}
