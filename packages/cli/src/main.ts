/**
 * The codex command. A verb in first place talks to a running node; anything else runs one, as the reference does.
 * Each half is loaded only when it is needed: a verb must start at once.
 */
const VERBS = new Set([
  'upload',
  'download',
  'fetch',
  'protect',
  'repair',
  'slots',
  'prove',
  'verify',
  'plan',
  'buy',
  'purchases',
  'sell',
  'availability',
  'sales',
  'ls',
  'rm',
  'exists',
  'info',
  'space',
  'connect',
  'spr',
  'peers',
  'log-level',
  'contracts',
  'completion',
  'help',
]);

async function main(argv: readonly string[]): Promise<number> {
  if (VERBS.has(argv[0] ?? '')) return (await import('./run-verb.ts')).runVerb(argv);
  const { runNode } = await import('@codex/node');
  const asksHelp = argv.includes('--help') || argv.includes('-h');
  return runNode(argv, asksHelp ? { usage: (await import('./usage.ts')).usage() } : {});
}

// Whatever a library left open must not keep a command alive that has done its work.
process.exit(await main(process.argv.slice(2)));
