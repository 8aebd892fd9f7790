/**
 * A process that outlives its parent just long enough to clean up after it.
 *
 * A parent that is killed with SIGKILL cannot stop its children. So it tells this process, over a pipe, which children
 * it has; the pipe ends when the parent is gone, however it went. Lines: `+ PID`, `- PID`, `rm PATH` (a directory to
 * delete when orphaned), `done` (a clean end: nothing is left to do).
 */
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** A node stops in well under this; what still runs then is killed. */
const TERM_DEADLINE_MS = 5_000;
const POLL_MS = 50;

const pids = new Set<number>();
const directories = new Set<string>();

// The parent decides; signals that a terminal sends to its whole group are not for this process.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('SIGHUP', () => {});

const signal = (pid: number, name: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  const space = line.indexOf(' ');
  const word = space < 0 ? line : line.slice(0, space);
  const rest = space < 0 ? '' : line.slice(space + 1);
  if (word === '+') pids.add(Number(rest));
  else if (word === '-') pids.delete(Number(rest));
  else if (word === 'rm') directories.add(rest);
  else if (word === 'done') process.exit(0);
}

for (const pid of pids) signal(pid, 'SIGTERM');
const deadline = performance.now() + TERM_DEADLINE_MS;
while ([...pids].some((pid) => signal(pid, 0)) && performance.now() < deadline) {
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
for (const pid of pids) signal(pid, 'SIGKILL');
for (const directory of directories) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
