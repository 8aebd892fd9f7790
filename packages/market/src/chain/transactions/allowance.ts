import { testTokenAbi } from '@codex/contracts';
import { type AbortOptions, Semaphore } from '@codex/runtime';
import { encodeFunctionData } from 'viem';
import type { ContractReader } from '../contract/contract-reader.ts';
import type { Address, Sent } from '../marketplace.ts';
import type { Intent } from './journal.ts';
import type { TransactionSender } from './transaction-sender.ts';

export interface AllowanceComponents {
  readonly reader: ContractReader;
  readonly sender: TransactionSender;
}

export interface AllowanceInit {
  readonly token: Address;
  readonly marketplace: Address;
}

/**
 * Lets the marketplace take exactly the tokens that are about to be sent. One operation at a time is allowed for and gets its nonce; those
 * before it have lower nonces, and have taken theirs when the allowance changes. What waits is allowed for together.
 */
export class Allowance {
  readonly #c: AllowanceComponents;
  readonly #init: AllowanceInit;
  readonly #turn = new Semaphore(1);
  readonly #wanted = new Map<string, bigint>();

  constructor(components: AllowanceComponents, init: AllowanceInit) {
    this.#c = components;
    this.#init = init;
  }

  /** Sends an operation that takes `intent.spends` tokens. Errors: those of `TransactionSender.send`. */
  async send(what: string, intent: Intent, options: AbortOptions = {}): Promise<Sent> {
    const { sender } = this.#c;
    // Asked for twice, it is still sent once.
    this.#wanted.set(intent.key, intent.spends);
    const entry = await this.#turn
      .run(async () => {
        // What is on its way already was allowed for.
        if (!sender.isKnown(intent.key)) await this.#allow(intent.spends, options);
        return sender.dispatch(what, intent, options);
      }, options)
      .finally(() => this.#wanted.delete(intent.key));
    return sender.settled(entry, options);
  }

  async #allow(amount: bigint, options: AbortOptions): Promise<void> {
    const { reader, sender } = this.#c;
    const { token, marketplace } = this.#init;
    // Read first: what comes into a block in between is then counted twice, not left out.
    const spending = sender.spending;
    const allowed = await reader.read<bigint>(
      { address: token, abi: testTokenAbi, name: 'allowance', args: [reader.account, marketplace] },
      options,
    );
    if (allowed - spending >= amount) return;
    const waiting = [...this.#wanted.values()].reduce((sum, wanted) => sum + wanted, 0n);
    const wanted = waiting > amount ? waiting : amount;
    const data = encodeFunctionData({ abi: testTokenAbi, functionName: 'approve', args: [marketplace, wanted] });
    const key = `approve ${wanted} for ${marketplace}`;
    await sender.send('Allow tokens', { key, to: token, data, gasPercent: 110, spends: 0n }, options);
  }
}
