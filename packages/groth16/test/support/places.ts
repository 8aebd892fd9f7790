import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** A directory of the test file's own; gives paths in it. */
export function temporaryDirectory(): (name: string) => string {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'groth16-'));
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });
  return (name) => join(directory, name);
}
