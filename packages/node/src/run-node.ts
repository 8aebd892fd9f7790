import { isCodexError } from '@codex/runtime';
import { readBuildInfo, versionText } from './build-info.ts';
import { CodexNode } from './codex-node.ts';
import { compactHeap } from './compact-heap.ts';
import { loadConfig, optionHelp, parseArguments } from './config/index.ts';
import { NodeLog } from './logging/index.ts';

/** Exit codes of a node: as in the reference, anything that goes wrong is 1. */
const EXIT_OK = 0;
const EXIT_FAILED = 1;

export interface RunInit {
  readonly env?: NodeJS.ProcessEnv;
  /** What `--help` prints above the options. */
  readonly usage?: string;
}

/**
 * Runs a node until a signal stops it, and resolves to the exit code. The first SIGINT or SIGTERM stops it cleanly, a
 * second one ends the process at once; an error that nobody handled is logged as fatal and ends it with 1.
 */
export async function runNode(argv: readonly string[], init: RunInit = {}): Promise<number> {
  let log: NodeLog | undefined;
  try {
    const given = parseArguments(argv);
    if (given.help) {
      process.stdout.write(`${init.usage ?? ''}${optionHelp()}\n`);
      return EXIT_OK;
    }
    if (given.version) {
      process.stdout.write(`${versionText(await readBuildInfo())}\n`);
      return EXIT_OK;
    }
    const { config, warnings } = await loadConfig({ arguments: given.values, env: init.env ?? process.env });
    log = NodeLog.open({ level: config.logLevel, format: config.logFormat, file: config.logFile });
    const logger = log.logger('codex');
    for (const warning of warnings) logger.warn(warning);
    return await serve(log, () => CodexNode.create(config, { log: log as NodeLog }));
  } catch (error) {
    report(log, error);
    return EXIT_FAILED;
  } finally {
    await log?.close();
  }
}

async function serve(log: NodeLog, create: () => Promise<CodexNode>): Promise<number> {
  const logger = log.logger('codex');
  let node: CodexNode | undefined;
  let stopping = false;
  let onStop: () => void = () => {};
  const stopAsked = new Promise<void>((resolve) => {
    onStop = resolve;
  });
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping) {
      logger.warn('Second signal: ending at once', { signal });
      log.flushSync();
      process.exit(EXIT_FAILED);
    }
    stopping = true;
    logger.notice('Signal received: stopping', { signal });
    onStop();
  };
  const onUnhandled = (error: unknown) => {
    logger.fatal('Unhandled error', { error, stack: error instanceof Error ? error.stack : undefined });
    log.flushSync();
    process.exit(EXIT_FAILED);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  process.on('uncaughtException', onUnhandled).on('unhandledRejection', onUnhandled);
  // Everything that waits may be unreferenced; a node lives until it is told to stop.
  const keepAlive = setInterval(() => {}, 2 ** 30);
  try {
    node = await create();
    compactHeap();
    const started = node.start();
    started.catch(() => {});
    await Promise.race([started, stopAsked]);
    await stopAsked;
    await node.stop();
    await started.catch((error: unknown) => {
      if (!isCodexError(error, 'LIFECYCLE_STOPPED')) throw error;
    });
    return EXIT_OK;
  } finally {
    clearInterval(keepAlive);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    process.off('uncaughtException', onUnhandled).off('unhandledRejection', onUnhandled);
  }
}

/** Tells what ended the node: in the log, and in one line on standard error for whoever has no log. */
function report(log: NodeLog | undefined, error: unknown): void {
  log?.logger('codex').fatal('Cannot run the node', { error });
  const code = isCodexError(error) ? ` [${error.code}]` : '';
  process.stderr.write(`codex: ${error instanceof Error ? error.message : String(error)}${code}\n`);
}
