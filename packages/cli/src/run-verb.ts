import { CommanderError } from 'commander';
import { CliError } from './errors.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { createProgram } from './program.ts';

/** Runs a client verb and resolves to the exit code. Results go to standard output, everything else to standard error. */
export async function runVerb(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = () => {
    // The second time the user means it.
    if (interrupt.signal.aborted) process.exit(EXIT.INTERRUPTED);
    interrupt.abort(new CliError('INTERRUPTED', 'Interrupted'));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  process.stdout.on('error', () => process.exit(EXIT.OUTPUT_CLOSED));
  process.stderr.on('error', () => {});
  try {
    await createProgram({ env, signal: interrupt.signal }).parseAsync([...argv], { from: 'user' });
    return EXIT.OK;
  } catch (error) {
    // Commander has told the user what is wrong; help and version come this way too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
    const reason = interrupt.signal.aborted ? interrupt.signal.reason : error;
    if (!(reason instanceof CliError && reason.code === 'OUTPUT_CLOSED')) report(reason);
    return exitCodeOf(reason);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function report(error: unknown): void {
  const code = error instanceof CliError ? ` [${error.code}]` : '';
  const text =
    error instanceof CliError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`codex: ${text}${code}\n`);
}
