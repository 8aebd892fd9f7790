import { expect, it } from 'vitest';
import { CodexNode } from '../../src/index.ts';
import { generatedSection } from '../docs.ts';
import { testConfig } from '../node/fixture.ts';

it('docs/metrics.md lists what a node exports, and nothing else', async () => {
  const node = await CodexNode.create(await testConfig('--metrics'));
  const text = await node.metrics.text();
  await node.stop();
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']));
  const rows = [...text.matchAll(/^# HELP (\S+) (.+)$/gm)]
    .map((match) => ({ name: match[1] ?? '', help: match[2] ?? '' }))
    .filter(({ name }) => !name.endsWith('_created') && /^(codex|libp2p|dht|presto)_/.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, help }) => `| \`${name}\` | ${types.get(name)} | ${help.replaceAll('|', '\\|')} |`);
  const expected = `\n| name | type | meaning |\n|---|---|---|\n${rows.join('\n')}\n\n`;
  expect(generatedSection('metrics.md', 'metrics', expected)).toBe(expected);
});
