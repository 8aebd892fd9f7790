import { readFileSync } from 'node:fs';

/** Resident memory of a process; 0 where the system does not tell. */
export function rssBytes(pid: number): number {
  if (process.platform !== 'linux') return 0;
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
