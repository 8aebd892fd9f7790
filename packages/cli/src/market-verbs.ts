import type { Command, OptionValues } from 'commander';
import { buy } from './buy.ts';
import type { Context } from './context.ts';
import { bytes, chance, moment, rows, seconds, tokens } from './option-values.ts';
import { purchases } from './purchases.ts';
import { sales } from './sales.ts';
import { availability, sell } from './selling.ts';

/** The verbs that buy and sell storage. */
export function addMarketVerbs(
  verb: (usage: string, description: string) => Command,
  context: (options: OptionValues) => Context,
): void {
  verb(
    'buy <cid>',
    'buy storage of a dataset that the node holds: show what it costs, and print the ID of the purchase',
  )
    .requiredOption('--duration <time>', 'how long it is stored', seconds)
    .requiredOption('--price <tokens>', 'for a byte and second', tokens)
    .requiredOption('--collateral <tokens>', 'that hosts put down for a byte', tokens)
    .option('--nodes <slots>', 'slots, each on a host of its own (default: 3)', rows)
    .option('--tolerance <slots>', 'so many of the slots may be lost (default: 1)', rows)
    .option('--proof-probability <periods>', 'mean periods between two proofs of a slot (default: 100)', tokens)
    .option('--loss <chance>', 'instead of these three: the chance of loss that you accept, as with plan', chance)
    .option('--period <time>', 'period of the contract, for --loss', seconds, 120)
    .option('--expiry <time>', 'for hosts to fill all slots (default: half of the duration, a day at most)', seconds)
    .option('--dry-run', 'only print what it costs')
    .option('-y, --yes', 'do not ask on a terminal')
    .option('--wait', 'until all slots are filled')
    .option('--key <text>', 'commands with the same key buy once (default: a key of its own for each)')
    .action((cid: string, options) => buy(context(options), cid, options));
  verb('purchases [id]', 'list the purchases of the node, or show one')
    .option('--wait', 'until all slots of it are filled')
    .action((id: string | undefined, options) => purchases(context(options), id, options));
  verb('sell', 'offer space, and print the ID of the availability')
    .requiredOption('--size <size>', 'of all slots together', bytes)
    .requiredOption('--price <tokens>', 'for a byte and second, at least', tokens)
    .requiredOption('--duration <time>', 'of a request, at most', seconds)
    .requiredOption('--collateral <tokens>', 'that may be put down for all slots together', tokens)
    .option('--until <time>', 'no slot may last longer: a date, or a duration from now', moment)
    .action((options) => sell(context(options), options));
  verb('availability [id]', 'list the space that the node offers, show one with what is reserved of it, or change one')
    .option('--size <size>', 'of all slots together', bytes)
    .option('--price <tokens>', 'for a byte and second, at least', tokens)
    .option('--duration <time>', 'of a request, at most', seconds)
    .option('--collateral <tokens>', 'that may be put down for all slots together', tokens)
    .option('--until <time>', 'no slot may last longer: a date, a duration from now, or 0 for no limit', moment)
    .option('--enable', 'take new slots')
    .option('--disable', 'take no new slots')
    .action((id: string | undefined, options) => availability(context(options), id, options));
  verb('sales', 'list the slots that the node hosts or is about to, and how far it is with each').action((options) =>
    sales(context(options)),
  );
}
