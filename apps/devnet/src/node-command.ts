import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the project: its `node_modules` and `bin` are there. */
export const PROJECT_ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What starts a node: the command that a person types. It becomes the node's process, so its id is the node's. */
export function defaultNodeCommand(): string[] {
  return [join(PROJECT_ROOT, 'bin', 'codex')];
}

/** The environment of a node: this one, without settings that are meant for some other node. */
export function nodeEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith('CODEX_') && !name.startsWith('VITEST')) env[name] = value;
  }
  return { ...env, ...extra };
}
