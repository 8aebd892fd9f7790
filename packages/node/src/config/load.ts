import { readFile } from 'node:fs/promises';
import { NodeError } from '../errors.ts';
import { isOptionName, optionOf, type RawValues, requireOption } from './arguments.ts';
import {
  camelCase,
  environmentName,
  LATER_OPTIONS,
  MARKET_OPTIONS,
  type NodeConfig,
  OPTIONS,
  type OptionName,
} from './options.ts';

export type OptionSource = 'command line' | 'environment' | 'configuration file' | 'default';

export interface LoadedConfig {
  readonly config: NodeConfig;
  /** Where each value came from. */
  readonly sources: Readonly<Record<OptionName, OptionSource>>;
  /** What was read but has no effect: to be logged once logging works. */
  readonly warnings: readonly string[];
}

export interface ConfigInputs {
  readonly arguments?: RawValues;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** CODEX_ variables that configure the client verbs or the container, not the node (06 §8, 07 §5). */
const FOREIGN_VARIABLES = new Set(['CODEX_API', 'CODEX_API_TIMEOUT']);

/**
 * Brings all sources together: command line over environment over TOML file over default (06 §5). A list is taken whole
 * from the strongest source that names it.
 * Errors: CONFIG_INVALID, CONFIG_FILE_INVALID, OPTION_UNKNOWN, OPTION_UNSUPPORTED.
 */
export async function loadConfig(inputs: ConfigInputs = {}): Promise<LoadedConfig> {
  const warnings: string[] = [];
  const fromArguments: RawValues = inputs.arguments ?? new Map();
  const fromEnvironment = readEnvironment(inputs.env ?? {}, warnings);
  const file = fromArguments.get('config-file')?.[0] ?? fromEnvironment.get('config-file')?.[0];
  const fromFile = file === undefined ? new Map() : await readToml(file);

  const values: Record<string, unknown> = {};
  const sources: Partial<Record<OptionName, OptionSource>> = {};
  for (const name of Object.keys(OPTIONS) as OptionName[]) {
    const option = optionOf(name);
    const candidates: [OptionSource, readonly string[] | undefined][] = [
      ['command line', fromArguments.get(name)],
      ['environment', fromEnvironment.get(name)],
      ['configuration file', fromFile.get(name)],
      ['default', option.default === undefined ? [] : [option.default]],
    ];
    const [source, texts] = candidates.find(([, found]) => found !== undefined) ?? ['default', []];
    sources[name] = source;
    const parsed = (texts ?? []).map((text) => parseValue(name, source, text));
    values[camelCase(name)] = option.list ? parsed : parsed.at(-1);
    if (option.unused && source !== 'default') warnings.push(`Option ${name} has no effect: ${option.unused}`);
  }
  if (!values.persistence) {
    for (const name of Object.keys(MARKET_OPTIONS) as OptionName[]) {
      if (name === 'persistence' || sources[name] === 'default' || optionOf(name).unused) continue;
      warnings.push(`Option ${name} has no effect without the subcommand persistence`);
    }
  }
  // Before anything is opened: whoever runs a host should not find out later.
  if (values.persistence && values.ethAccount === undefined && values.ethPrivateKey === undefined) {
    throw new NodeError('ETHEREUM_ACCOUNT_MISSING', 'Persistence enabled, but no Ethereum account was set');
  }
  return {
    config: values as unknown as NodeConfig,
    sources: sources as Record<OptionName, OptionSource>,
    warnings,
  };
}

function parseValue(name: OptionName, source: OptionSource, text: string): unknown {
  const { type } = optionOf(name);
  try {
    return type.parse(text);
  } catch (cause) {
    const where = source === 'environment' ? `environment variable ${environmentName(name)}` : source;
    throw new NodeError(
      'CONFIG_INVALID',
      `Option ${name} (${where}) cannot be ${JSON.stringify(text)}: it must be ${type.allowed}`,
      { option: name, source, value: text, allowed: type.allowed },
      { cause },
    );
  }
}

function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  warnings: string[],
): Map<OptionName, string[]> {
  const values = new Map<OptionName, string[]>();
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('CODEX_') || FOREIGN_VARIABLES.has(variable) || !value) continue;
    const name = variable.slice('CODEX_'.length).toLowerCase().replaceAll('_', '-');
    if (isOptionName(name)) {
      const parts = optionOf(name).list ? value.split(',').map((part) => part.trim()) : [value];
      values.set(name, parts.filter(Boolean));
    } else {
      // Containers share one environment among roles, so a variable for another role must not stop a plain node.
      warnings.push(`Environment variable ${variable} is ignored: ${LATER_OPTIONS[name] ?? 'there is no such option'}`);
    }
  }
  return values;
}

async function readToml(file: string): Promise<Map<OptionName, string[]>> {
  let table: Record<string, unknown>;
  try {
    const { parse } = await import('smol-toml');
    table = parse(await readFile(file, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new NodeError('CONFIG_FILE_INVALID', `Configuration file ${file}: ${reason}`, { file, reason }, { cause });
  }
  const values = new Map<OptionName, string[]>();
  for (const [key, value] of Object.entries(table)) {
    const name = requireOption(key, `configuration file ${file}`);
    const items = Array.isArray(value) ? value : [value];
    if (!items.every(isScalar) || (Array.isArray(value) && !optionOf(name).list)) {
      const { allowed } = optionOf(name).type;
      throw new NodeError(
        'CONFIG_INVALID',
        `Option ${name} (configuration file) has the wrong shape: it must be ${allowed}`,
        {
          option: name,
          source: 'configuration file',
          value: JSON.stringify(value),
          allowed,
        },
      );
    }
    values.set(name, items.map(String));
  }
  return values;
}

function isScalar(value: unknown): value is string | number | boolean | bigint {
  return ['string', 'number', 'boolean', 'bigint'].includes(typeof value);
}
