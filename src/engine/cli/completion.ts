import { Argument } from 'commander';
import { EXIT } from '../core/diagnostic.ts';
import { act, type CommandSpec } from './command.ts';
import { print } from './output.ts';
import { COMMANDS } from './table.ts';

const SHELLS = {
  bash: (words: string) => `_ringfence() {
  local current=\${COMP_WORDS[COMP_CWORD]} IFS=$'\\n'
  if [ "$COMP_CWORD" -eq 1 ]; then
    IFS=' '
    COMPREPLY=($(compgen -W "${words}" -- "$current"))
    return
  fi
  local found=$(ringfence __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "$current" 2>/dev/null)
  if [ -n "$found" ]; then
    COMPREPLY=($(compgen -W "$found" -- "$current"))
    [ \${#COMPREPLY[@]} -eq 0 ] || COMPREPLY=($(printf '%q\\n' "\${COMPREPLY[@]}"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _ringfence ringfence`,
  zsh: (words: string) => `#compdef ringfence
_ringfence() {
  if (( CURRENT == 2 )); then
    compadd -- ${words}
  else
    local -a found
    found=(\${(f)"$(ringfence __complete -- \${words[2,CURRENT-1]} "$PREFIX" 2>/dev/null)"})
    if (( $#found )); then compadd -a found; else _files; fi
  fi
}
compdef _ringfence ringfence`,
  fish: (words: string) => `complete -c ringfence -n __fish_use_subcommand -f -a '${words}'
complete -c ringfence -n 'not __fish_use_subcommand' -a '(ringfence __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'`,
};

export const command: CommandSpec = {
  examples: [
    ['source <(ringfence completion bash)', 'this shell'],
    ['ringfence completion fish > ~/.config/fish/completions/ringfence.fish', 'every fish shell'],
  ],
  configure(command) {
    command.addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS))).action(
      act((shell: keyof typeof SHELLS) => {
        const words = COMMANDS.filter((row) => !row.hidden).map((row) => row.name);
        print(SHELLS[shell]([...words, 'help'].join(' ')));
        return EXIT.ok;
      }),
    );
  },
};
