import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const INDEX = JSON.stringify(join(import.meta.dirname, '../../src/index.ts'));
const FIXTURE = JSON.stringify(join(import.meta.dirname, '../node/fixture.ts'));

/** What a started node has loaded, in a process of its own. */
const SCRIPT = `
  import { registerHooks } from 'node:module';
  const loaded = [];
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
  const { CodexNode } = await import(${INDEX});
  const { testConfig } = await import(${FIXTURE});
  const node = await CodexNode.create(await testConfig('--proving-keys=development'), { discovery: false });
  await node.start();
  await node.stop();
  console.log(JSON.stringify(loaded));
  process.exit(0);`;

it('a node that never proves does not load what proving takes', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module-typescript', '-e', SCRIPT]);
  const packages = new Set((JSON.parse(stdout) as string[]).map((url) => /packages\/([a-z0-9]+)\//.exec(url)?.[1]));
  expect(packages).toContain('store');
  for (const name of ['slots', 'poseidon2', 'groth16', 'bn254', 'circuits', 'erasure']) {
    expect(packages).not.toContain(name);
  }
});
