import type { LocalAccount, TransactionSerializable } from 'viem';
import { isHex, toQuantity } from '../blocks/header.ts';
import type { Address, Hex } from '../marketplace.ts';
import type { RpcPool } from '../rpc/rpc-pool.ts';

/** What a transaction costs at most, for each unit of gas. */
export type Fees =
  | { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }
  | { readonly gasPrice: bigint };

export interface UnsignedTransaction {
  readonly chainId: number;
  readonly nonce: number;
  readonly to: Address;
  readonly data: Hex;
  readonly gas: bigint;
  readonly fees: Fees;
}

/** Who transactions are from. */
export interface Signer {
  /** In lower case. */
  readonly address: Address;
  /** The transaction, as it is sent. */
  sign(transaction: UnsignedTransaction): Promise<Hex>;
}

/** Signs here, with a key of ours. */
export function localSigner(account: LocalAccount): Signer {
  return {
    address: account.address.toLowerCase() as Address,
    sign({ fees, ...rest }) {
      const transaction: TransactionSerializable =
        'gasPrice' in fees ? { type: 'legacy', ...rest, ...fees } : { type: 'eip1559', ...rest, ...fees };
      return account.signTransaction(transaction);
    },
  };
}

/** Has a node or an external signer sign, which keeps the key. */
export function remoteSigner(pool: RpcPool, address: Address): Signer {
  return {
    address: address.toLowerCase() as Address,
    async sign({ chainId, nonce, to, data, gas, fees }) {
      const amounts = Object.entries(fees).map(([name, fee]) => [name, toQuantity(fee as bigint)]);
      const signed = await pool.request<unknown>('eth_signTransaction', [
        {
          from: address,
          to,
          data,
          value: '0x0',
          chainId: toQuantity(chainId),
          nonce: toQuantity(nonce),
          gas: toQuantity(gas),
          ...Object.fromEntries(amounts),
        },
      ]);
      // Geth wraps it, others do not.
      const raw = isHex(signed) ? signed : (signed as { raw?: unknown } | null)?.raw;
      if (!isHex(raw)) throw new Error('the signer gave no transaction');
      return raw;
    },
  };
}
