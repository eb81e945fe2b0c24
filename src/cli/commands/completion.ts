import { Argument } from 'commander'
import { SCRIPTS, type Shell } from '../completion/scripts.js'
import { KeymgmtCommand, type Context } from './command.js'

/** `keymgmt completion SHELL` */
export function defineCompletion({ terminal }: Context): KeymgmtCommand {
  return new KeymgmtCommand('completion')
    .summary('Print what makes a shell complete commands, paths and fields')
    .description(
      'Prints a script for bash, zsh or fish. "keymgmt -autocomplete-install" puts a line into the files of the shells that are set up here, "keymgmt -autocomplete-uninstall" takes it out again.',
    )
    .example('In this bash', 'eval "$(keymgmt completion bash)"')
    .example('In every new zsh', 'keymgmt completion zsh > "${fpath[1]}/_keymgmt"')
    .example(
      'In every new fish',
      'keymgmt completion fish > ~/.config/fish/completions/keymgmt.fish',
    )
    .addArgument(new Argument('<SHELL>').choices(Object.keys(SCRIPTS)))
    .action((shell: Shell) => {
      terminal.out(SCRIPTS[shell])
      return 0
    })
}
