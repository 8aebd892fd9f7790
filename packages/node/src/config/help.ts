import { optionOf } from './arguments.ts';
import { OPTIONS, type OptionName } from './options.ts';

/** One line per option that is not hidden, for `codex --help`. */
export function optionHelp(): string {
  const rows = (Object.keys(OPTIONS) as OptionName[])
    .filter((name) => !optionOf(name).hidden)
    .map((name) => {
      const option = optionOf(name);
      const flags = `${option.short ? `-${option.short}, ` : '    '}--${name}`;
      const notes = [option.list ? 'repeatable' : '', option.default ? `default ${option.default}` : ''].filter(
        Boolean,
      );
      const effect = option.unused ? ' (no effect)' : '';
      return { flags, text: `${option.help}${effect}${notes.length > 0 ? ` [${notes.join(', ')}]` : ''}` };
    });
  const width = Math.max(...rows.map((row) => row.flags.length)) + 2;
  return rows.map((row) => `  ${row.flags.padEnd(width)}${row.text}`).join('\n');
}
