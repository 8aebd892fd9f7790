export * from './abi.generated.ts';
export { BYTECODE } from './bytecode.generated.ts';
export { EmbeddedChain, type EmbeddedChainInit } from './chain/embedded-chain.ts';
export type { MarketplaceConfig, MarketplaceRules, NetworkConfig } from './configuration.ts';
export { type DeployComponents, type DeployInit, deployContracts } from './deploy/deploy.ts';
export { type DeployedContract, type Deployment, readDeployment, writeDeployment } from './deploy/deployment.ts';
export { CONTRACTS_ERRORS, ContractsError, type ContractsErrorCode } from './errors.ts';
export { DEFAULT_RULES, NETWORKS, networkConfig } from './networks.ts';
export { type G1, type G2, HARDHAT_VERIFICATION_KEY, type VerificationKey } from './verification-key.ts';
