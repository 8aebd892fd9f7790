import { NodeError } from '../errors.ts';
import { flag } from './option-types.ts';
import { LATER_OPTIONS, OPTIONS, type Option, type OptionName, SUBCOMMANDS } from './options.ts';

/** Option values as text, before they are parsed. */
export type RawValues = ReadonlyMap<OptionName, readonly string[]>;

export interface NodeArguments {
  readonly values: RawValues;
  readonly help: boolean;
  readonly version: boolean;
}

const names = Object.keys(OPTIONS) as OptionName[];

export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

export function optionOf(name: OptionName): Option<unknown> {
  return OPTIONS[name];
}

/** Throws for a name that is no option of this release; `source` says where the user wrote it. */
export function requireOption(name: string, source: string): OptionName {
  if (isOptionName(name)) return name;
  const reason = LATER_OPTIONS[name];
  if (reason) {
    throw new NodeError('OPTION_UNSUPPORTED', `Option ${name} (${source}) cannot be honoured: ${reason}`, {
      option: name,
      source,
    });
  }
  const hint = nearest(name);
  throw new NodeError(
    'OPTION_UNKNOWN',
    `There is no option ${name} (${source})${hint ? `; did you mean ${hint}?` : ''}`,
    {
      option: name,
      source,
    },
  );
}

/**
 * Parses the arguments of a node as the reference does (06 §5): `--name=value`, `--name value`, `-x value`, with `:` as
 * good as `=`. A single option given twice takes the last value, a list collects. `persistence`, and `prover` behind it, may stand
 * anywhere.
 * Errors: OPTION_UNKNOWN, OPTION_UNSUPPORTED, ARGUMENT_UNEXPECTED, CONFIG_INVALID (a value is missing).
 */
export function parseArguments(argv: readonly string[]): NodeArguments {
  const values = new Map<OptionName, string[]>();
  let help = false;
  let version = false;
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (argument === '--help' || argument === '-h') {
      help = true;
      continue;
    }
    if (argument === '--version' || argument === '-v') {
      version = true;
      continue;
    }
    const subcommand = SUBCOMMANDS.find((name) => name === argument);
    if (subcommand) {
      if (subcommand === 'prover' && !values.has('persistence')) refusePositional(argument);
      values.set(subcommand, ['true']);
      continue;
    }
    const match = /^(?:--([a-z][a-z0-9-]*)|-([a-z]+))(?:[=:](.*))?$/is.exec(argument);
    if (!match) refusePositional(argument);
    const name = match[1] ? requireOption(match[1].toLowerCase(), `--${match[1]}`) : requireShort(match[2] ?? '');
    let value = match[3];
    if (value === undefined && optionOf(name).type === flag) {
      // A flag takes the next word only if it cannot be anything else.
      value = /^(true|false)$/i.test(argv[i + 1] ?? '') ? argv[++i] : 'true';
    }
    value ??= argv[++i];
    if (value === undefined) {
      throw new NodeError('CONFIG_INVALID', `Option ${name} needs a value; it must be ${optionOf(name).type.allowed}`, {
        option: name,
        source: 'command line',
        allowed: optionOf(name).type.allowed,
      });
    }
    const given = values.get(name);
    if (given && optionOf(name).list) given.push(value);
    else values.set(name, [value]);
  }
  return { values, help, version };
}

function requireShort(letter: string): OptionName {
  const name = names.find((item) => optionOf(item).short === letter);
  return name ?? requireOption(`-${letter}`, 'command line');
}

function refusePositional(argument: string): never {
  throw new NodeError('ARGUMENT_UNEXPECTED', `Unexpected argument ${JSON.stringify(argument)}; see codex --help`, {
    argument,
  });
}

/** The option within two edits of a mistyped name. */
function nearest(name: string): string | undefined {
  const EDITS_MAX = 2;
  let best: { name: string; edits: number } | undefined;
  for (const candidate of names) {
    const edits = distance(name, candidate);
    if (edits <= EDITS_MAX && edits < (best?.edits ?? Number.POSITIVE_INFINITY)) best = { name: candidate, edits };
  }
  return best?.name;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
