import { type NodeConfig, OPTIONS, type OptionName } from './config/index.ts';
import { camelCase } from './config/options.ts';

/** The configuration and the peer id as one text, in the form in which log readers look for it (06 §8). */
export function configSummary(config: NodeConfig, peerId: string): string {
  const values = config as Readonly<Record<string, unknown>>;
  const show = (value: unknown): string => {
    if (Array.isArray(value)) return `@[${value.map(show).join(', ')}]`;
    return typeof value === 'object' && value !== null ? JSON.stringify(value).replaceAll('"', '') : String(value);
  };
  const parts = (Object.keys(OPTIONS) as OptionName[])
    .map(camelCase)
    .filter((name) => values[name] !== undefined)
    .map(
      (name) =>
        `${name}: ${show(name === 'ethProvider' ? config.ethProvider.flat().map(withoutSecrets) : values[name])}`,
    );
  return `(peerId: ${peerId}, ${parts.join(', ')})`;
}

/** Whoever sells access to a chain puts the key into the address. */
function withoutSecrets(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
