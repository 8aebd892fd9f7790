/**
 * The codex command. A verb in first place talks to a running node; anything else runs one, as the reference does.
 * Each half is loaded only when it is needed: a verb must start at once.
 */
const VERBS = new Set([
  'upload',
  'download',
  'fetch',
  'ls',
  'rm',
  'exists',
  'info',
  'space',
  'connect',
  'log-level',
  'completion',
  'help',
]);

const argv = process.argv.slice(2);

async function main(): Promise<number> {
  if (VERBS.has(argv[0] ?? '')) return (await import('./run-verb.ts')).runVerb(argv);
  return (await import('@codex/node')).runNode(argv);
}

// Whatever a library left open must not keep a command alive that has done its work.
process.exit(await main());
