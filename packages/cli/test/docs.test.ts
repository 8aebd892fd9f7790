import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../src/exit-codes.ts';
import { createProgram } from '../src/program.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/cli.md'), 'utf8');
const main = readFileSync(join(import.meta.dirname, '../src/main.ts'), 'utf8');
const { commands } = createProgram({ env: {}, signal: new AbortController().signal });

describe('docs/cli.md', () => {
  it('lists every verb and no other', () => {
    const documented = [...page.matchAll(/^\| `([a-z-]+)[^`]*` \|/gm)].map((match) => match[1]);
    expect(documented.sort()).toEqual([...commands.map((command) => command.name()), 'help'].sort());
  });

  it('names every option', () => {
    const flags = new Set(
      commands.flatMap((command) => command.options.map((option) => option.long ?? option.short ?? '')),
    );
    expect([...flags].filter((flag) => !page.includes(flag) && flag !== '--output')).toEqual([]);
  });

  it('lists every exit code', () => {
    const documented = [...page.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
    expect(documented).toEqual(Object.values(EXIT));
  });
});

it('the dispatcher knows every verb', () => {
  for (const command of commands) expect(main).toContain(`'${command.name()}'`);
});
