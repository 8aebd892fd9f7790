import { UINT256_MAX } from './amounts.ts';
import { ModelRevert, require } from './revert.ts';
import { type Address, ZERO_ADDRESS } from './types.ts';

/** The test token as an ERC20: balances, and what each holder lets the marketplace take. */
export class TokenModel {
  readonly #balances = new Map<Address, bigint>();
  readonly #allowances = new Map<Address, bigint>();
  #totalSupply = 0n;

  get totalSupply(): bigint {
    return this.#totalSupply;
  }

  get holders(): IterableIterator<[Address, bigint]> {
    return this.#balances.entries();
  }

  balanceOf(holder: Address): bigint {
    return this.#balances.get(holder) ?? 0n;
  }

  /** What `holder` lets the marketplace take. */
  allowanceOf(holder: Address): bigint {
    return this.#allowances.get(holder) ?? 0n;
  }

  approve(holder: Address, amount: bigint): void {
    this.#allowances.set(holder, amount);
  }

  mint(holder: Address, amount: bigint): void {
    require(holder !== ZERO_ADDRESS, 'ERC20InvalidReceiver');
    if (this.#totalSupply + amount > UINT256_MAX) throw new ModelRevert('Panic');
    this.#totalSupply += amount;
    this.#balances.set(holder, this.balanceOf(holder) + amount);
  }

  transfer(from: Address, to: Address, amount: bigint): void {
    require(to !== ZERO_ADDRESS, 'ERC20InvalidReceiver');
    require(this.balanceOf(from) >= amount, 'ERC20InsufficientBalance');
    this.#balances.set(from, this.balanceOf(from) - amount);
    this.#balances.set(to, this.balanceOf(to) + amount);
  }

  /** Takes what `holder` has approved; an allowance of everything is not used up, as everywhere with this token. */
  pull(holder: Address, to: Address, amount: bigint): void {
    const allowance = this.allowanceOf(holder);
    require(allowance >= amount, 'ERC20InsufficientAllowance');
    this.transfer(holder, to, amount);
    if (allowance !== UINT256_MAX) this.#allowances.set(holder, allowance - amount);
  }
}
