import { readFileSync, writeFileSync } from 'node:fs';

const MIB = 1024 * 1024;

function statusKiB(pid: number, field: string): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (!line) throw new Error(`/proc/${pid}/status has no ${field}`);
  return Number(line[1]);
}

/** Resident memory now, MiB (Linux). */
export const residentMiB = (pid: number) => (statusKiB(pid, 'VmRSS') * 1024) / MIB;

/** The highest resident memory since the start or the last `resetPeak`, MiB (Linux). */
export const peakMiB = (pid: number) => (statusKiB(pid, 'VmHWM') * 1024) / MIB;

/** Starts a new peak from what is resident now. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Linux counts processor time in these. */
const TICKS_PER_SECOND = 100;

/** Processor time that the processes have used in all their threads, ms (Linux). */
export function processorMs(...pids: number[]): number {
  const ticks = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return (ticks.reduce((sum, value) => sum + value, 0) * 1000) / TICKS_PER_SECOND;
}
