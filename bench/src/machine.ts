import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';

/** What the figures were measured on: part of every recorded result. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly os: string;
  readonly node: string;
  readonly fileSystem: string;
  /** Load before the run: 0 means that nobody else was at work. */
  readonly load: number;
}

export function describeMachine(directory: string): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.version,
    fileSystem: fileSystemOf(directory),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

export const machineLine = (machine: Machine) =>
  `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.os}, ${machine.fileSystem}, Node ${machine.node}, load ${machine.load}`;

/** The type of the file system that holds `directory`: the mount with the longest matching path. */
function fileSystemOf(directory: string): string {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
    let best = { path: '', type: 'unknown' };
    for (const mount of mounts) {
      const [, path = '', fsType = ''] = mount.split(' ');
      const inside = path === '/' || directory === path || directory.startsWith(`${path}/`);
      if (inside && path.length >= best.path.length) best = { path, type: fsType };
    }
    return best.type;
  } catch {
    // Not Linux: ask what POSIX has.
    try {
      return execFileSync('df', ['-P', directory], { encoding: 'utf8' }).split('\n')[1]?.split(/\s+/)[0] ?? 'unknown';
    } catch {
      return 'unknown';
    }
  }
}
