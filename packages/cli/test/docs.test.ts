import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { completionScript, SHELLS } from '../src/completion.ts';
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

describe('completion', () => {
  it.each(SHELLS)('for %s offers every verb and option', (shell) => {
    const script = completionScript(shell, createProgram({ env: {}, signal: new AbortController().signal })) ?? '';
    for (const command of commands) {
      expect(script).toContain(command.name());
      for (const option of command.options) expect(script).toContain((option.long ?? '').slice(2));
    }
  });

  it('for bash completes verbs, options and files', () => {
    const script = completionScript('bash', createProgram({ env: {}, signal: new AbortController().signal })) ?? '';
    const complete = (...words: string[]) => {
      const ask = `COMP_WORDS=(codex ${words.map((word) => `"${word}"`).join(' ')}); COMP_CWORD=${words.length}; _codex; echo "\${COMPREPLY[@]}"`;
      return spawnSync('bash', ['-c', `${script}\n${ask}`], { cwd: '/', encoding: 'utf8' }).stdout.trim();
    };
    expect(complete('down')).toBe('download');
    expect(complete('download', '--loc')).toBe('--local');
    expect(complete('upload', 'tm')).toBe('tmp');
  });
});
