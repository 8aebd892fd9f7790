import { createProgram } from './program.ts';

/** The head of `codex --help`; the options of the node follow. */
export function usage(): string {
  const verbs = createProgram({ env: {}, signal: new AbortController().signal }).commands.map((command) => ({
    name: command.name(),
    description: command.description(),
  }));
  const width = Math.max(...verbs.map(({ name }) => name.length)) + 2;
  return `Usage: codex [options]          run a storage node
       codex <verb> [arguments] talk to a running node

Verbs (codex help <verb> tells more):
${verbs.map(({ name, description }) => `  ${name.padEnd(width)}${description}`).join('\n')}

Options of a node (--name=value or --name value; CODEX_NAME in the environment, name in the TOML file):
`;
}
