import { Argument } from 'commander'
import { SCRIPTS, type Shell } from '../completion/scripts.js'
import { KeymgmtCommand, type Context } from './command.js'

/** `keymgmt completion SHELL` */
export function defineCompletion({ terminal }: Context): KeymgmtCommand {
  return new KeymgmtCommand('completion')
    .summary('Print a shell completion script')
    .description(
      'Prints a script for bash, zsh or fish. "keymgmt -autocomplete-install" adds a line to the start-up files of your shells; "keymgmt -autocomplete-uninstall" removes it.',
    )
    .example('Complete in the current bash', 'eval "$(keymgmt completion bash)"')
    .example('Complete in every new zsh', 'keymgmt completion zsh > "${fpath[1]}/_keymgmt"')
    .example(
      'Complete in every new fish',
      'keymgmt completion fish > ~/.config/fish/completions/keymgmt.fish',
    )
    .addArgument(new Argument('<SHELL>').choices(Object.keys(SCRIPTS)))
    .action((shell: Shell) => {
      terminal.out(SCRIPTS[shell])
      return 0
    })
}
