import { expect, it } from 'vitest';
import { environmentName, LATER_OPTIONS, OPTIONS, type Option } from '../../src/config/index.ts';
import { defaultDataDir } from '../../src/config/options.ts';
import { generatedSection } from '../docs.ts';

const options = Object.entries(OPTIONS) as [string, Option<unknown>][];
const cell = (text: string) => text.replaceAll('|', '\\|');

it('docs/configuration.md shows the table of options', () => {
  const rows = options.map(([name, option]) => {
    const flags = `\`--${name}\`${option.short ? ` \`-${option.short}\`` : ''}`;
    const fallback = name === 'data-dir' ? defaultDataDir('linux', '~') : option.default;
    return `| ${flags} | \`${environmentName(name)}\` | ${fallback === undefined ? '–' : `\`${cell(fallback)}\``} | ${cell(option.help)}${
      option.list ? ' (repeatable)' : ''
    } | ${cell(option.type.allowed)} |`;
  });
  const expected = `\n| option | environment | default | meaning | allowed |\n|---|---|---|---|---|\n${rows.join('\n')}\n\n`;
  expect(generatedSection('configuration.md', 'options', expected)).toBe(expected);
});

it('docs/configuration.md names what has no effect, and why', () => {
  const rows = options.filter(([, option]) => option.unused).map(([name, option]) => `- \`${name}\`: ${option.unused}`);
  const expected = `\n${rows.join('\n')}\n\n`;
  expect(generatedSection('configuration.md', 'unused', expected)).toBe(expected);
});

it('docs/configuration.md names what is refused, and why', () => {
  const reasons = new Map<string, string[]>();
  for (const [name, reason] of Object.entries(LATER_OPTIONS))
    reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  const rows = [...reasons].map(([reason, names]) => `- ${reason}: ${names.map((name) => `\`${name}\``).join(', ')}`);
  const expected = `\n${rows.join('\n')}\n\n`;
  expect(generatedSection('configuration.md', 'refused', expected)).toBe(expected);
});
