import {
  groth16VerifierAbi,
  marketplaceAbi,
  testMarketplaceAbi,
  testTokenAbi,
  testVerifierAbi,
  vaultAbi,
} from './abi.generated.ts';

/** Every ABI by the name of its contract, as tools look for them. */
export const ABIS = {
  Marketplace: marketplaceAbi,
  Groth16Verifier: groth16VerifierAbi,
  Vault: vaultAbi,
  TestToken: testTokenAbi,
  TestVerifier: testVerifierAbi,
  TestMarketplace: testMarketplaceAbi,
} as const;
