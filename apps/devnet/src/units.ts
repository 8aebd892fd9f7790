const KIB = 1024;
const STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `118.4 MiB`: sizes in powers of 1024. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let step = 0;
  while (value >= KIB && step < STEPS.length - 1) {
    value /= KIB;
    step++;
  }
  return `${step === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${STEPS[step]}`;
}

/** `382 MB/s`: rates in powers of 1000, as disks and networks are sold. */
export function formatRate(bytes: number, ms: number): string {
  const mbps = bytes / 1e3 / Math.max(ms, 0.001);
  return `${mbps >= 10 ? mbps.toFixed(0) : mbps.toFixed(1)} MB/s`;
}

/** `0.31 s`, `42 s`, `3 min 5 s`, `16 h 40 min`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  if (seconds >= 7200) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
