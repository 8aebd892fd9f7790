import { marketplaceAbi, testTokenAbi } from '@codex/contracts';
import { type Abi, decodeErrorResult, parseAbi } from 'viem';
import { MarketError } from '../../errors.ts';
import type { Hex } from '../marketplace.ts';
import type { RpcErrorBody } from '../rpc/json-rpc.ts';

/** Errors of the reference's contracts that ours do not have (12 §2), and those of the language. */
const OTHERS = parseAbi([
  'error Marketplace_InsufficientReward()',
  'error Marketplace_MaximumSlashingTooHigh()',
  'error Marketplace_RepairRewardPercentageTooHigh()',
  'error Marketplace_SlashPercentageTooHigh()',
  'error VaultOnlyAccountHolder()',
  'error VaultInsufficientBalance()',
  'error VaultInvalidExpiry()',
  'error VaultFundNotLocked()',
  'error VaultFundNotUnlocked()',
  'error VaultFundAlreadyLocked()',
  'error VaultFlowNotZero()',
  'error Error(string)',
  'error Panic(uint256)',
]);

const isError = ({ type }: { type: string }) => type === 'error';
const ERRORS: Abi = [...marketplaceAbi.filter(isError), ...testTokenAbi.filter(isError), ...OTHERS];

const SELECTOR = /0x[0-9a-f]{8}(?:[0-9a-f]{64})*(?![0-9a-f])/i;
/** What nodes say when a call was reverted; those of the kinds in use. */
const REVERTED = /revert|invalid opcode|out of gas|vm exception|gas required exceeds/i;
/** What geth answers with a revert. */
const REVERT_CODE = 3;

/** The name of the error that revert data holds; undefined for data of none that is known. */
export function errorNameOf(data: Hex): string | undefined {
  try {
    const { errorName, args } = decodeErrorResult({ abi: ERRORS, data });
    return errorName === 'Error' || errorName === 'Panic' ? `${errorName}(${String(args?.[0])})` : errorName;
  } catch {
    return undefined;
  }
}

/** Revert data, wherever in its answer a node puts it. Undefined: it was no revert. */
export function revertDataOf({ code, message, data }: RpcErrorBody): Hex | undefined {
  for (let found = data, depth = 0; depth < 4; depth++) {
    if (typeof found === 'string') {
      const hex = SELECTOR.exec(found)?.[0] ?? (found === '0x' ? found : undefined);
      if (hex) return hex as Hex;
      break;
    }
    const { data: deeper, originalError } = (found ?? {}) as { data?: unknown; originalError?: unknown };
    found = deeper ?? originalError;
  }
  if (code !== REVERT_CODE && !REVERTED.test(message)) return undefined;
  return (SELECTOR.exec(message)?.[0] ?? '0x') as Hex;
}

/** The error for a call that was reverted. `name` is that of the contract's error, or `unknown`. */
export function reverted(what: string, data: Hex, more: Record<string, unknown> = {}): MarketError {
  const name = errorNameOf(data) ?? 'unknown';
  return new MarketError('MARKET_REVERTED', `${what}: ${name}`, { name, data, call: what, ...more });
}

/** An answer that is an error, as a coded error: a revert by its name, or what the chain says against the call. */
export function refusal(what: string, body: RpcErrorBody): MarketError {
  const data = revertDataOf(body);
  if (data !== undefined) return reverted(what, data);
  return new MarketError('CHAIN_REFUSED', `${what}: ${body.message}`, {
    call: what,
    reason: body.message,
    rpcCode: body.code,
  });
}
