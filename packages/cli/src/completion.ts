import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

interface Verb {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly { readonly flag: string; readonly description: string }[];
}

/** A script that completes verbs, their options and file names; undefined for an unknown shell. */
export function completionScript(shell: string, program: Command): string | undefined {
  const verbs: Verb[] = program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    flags: command.options.map((option) => ({ flag: option.long ?? option.flags, description: option.description })),
  }));
  if (shell === 'bash') return bash(verbs);
  if (shell === 'zsh') return zsh(verbs);
  return shell === 'fish' ? fish(verbs) : undefined;
}

function bash(verbs: readonly Verb[]): string {
  const cases = verbs.map(({ name, flags }) => `    ${name}) options="${flags.map(({ flag }) => flag).join(' ')}" ;;`);
  return `# bash completion of codex: source <(codex completion bash)
_codex() {
  local word="\${COMP_WORDS[COMP_CWORD]}" options=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${verbs.map(({ name }) => name).join(' ')}" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _codex codex
`;
}

function zsh(verbs: readonly Verb[]): string {
  const quote = (text: string) => text.replace(/'/g, "'\\''").replace(/[[\]:]/g, '\\$&');
  const list = verbs.map(({ name, description }) => `    '${name}:${quote(description)}'`);
  const cases = verbs.map(
    ({ name, flags }) =>
      `    ${name}) _arguments ${flags.map(({ flag, description }) => `'${flag}[${quote(description)}]'`).join(' ')} '*:file:_files' ;;`,
  );
  return `#compdef codex
# zsh completion of codex: codex completion zsh > "\${fpath[1]}/_codex"
_codex() {
  local -a verbs
  verbs=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  case "$words[2]" in
${cases.join('\n')}
  esac
}
compdef _codex codex
`;
}

function fish(verbs: readonly Verb[]): string {
  const quote = (text: string) => text.replace(/['\\]/g, '\\$&');
  const lines = verbs.flatMap(({ name, description, flags }) => [
    `complete -c codex -n __fish_use_subcommand -f -a ${name} -d '${quote(description)}'`,
    ...flags.map(
      ({ flag, description: text }) =>
        `complete -c codex -n '__fish_seen_subcommand_from ${name}' -l ${flag.replace(/^--/, '')} -d '${quote(text)}'`,
    ),
  ]);
  return `# fish completion of codex: codex completion fish | source\n${lines.join('\n')}\n`;
}
