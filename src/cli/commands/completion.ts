import { KeymgmtError } from '../../errors.js'
import { defineCommand } from './command.js'

/** `keymgmt completion SHELL` */
export const completion = defineCommand({
  name: 'completion',
  summary: 'Print what makes a shell complete commands, paths and fields',
  usage: 'SHELL',
  description:
    'Prints a script for bash, zsh or fish. "keymgmt -autocomplete-install" puts a line into the files of the shells that are set up here, "keymgmt -autocomplete-uninstall" takes it out again.',
  examples: [
    { does: 'In this bash', line: 'eval "$(keymgmt completion bash)"' },
    { does: 'In every new zsh', line: 'keymgmt completion zsh > "${fpath[1]}/_keymgmt"' },
    {
      does: 'In every new fish',
      line: 'keymgmt completion fish > ~/.config/fish/completions/keymgmt.fish',
    },
  ],
  flags: {},
  first: { words: async () => Object.keys((await import('../completion/scripts.js')).SCRIPTS) },
  run: async ({ terminal }, [shell, ...rest]) => {
    const { SCRIPTS, isShell } = await import('../completion/scripts.js')
    if (shell === undefined || rest.length > 0) {
      throw new KeymgmtError(
        'USAGE',
        `${shell === undefined ? 'Not enough' : 'Too many'} arguments (expected 1, got ${shell === undefined ? 0 : rest.length + 1})`,
        { hints: [`name the shell: ${Object.keys(SCRIPTS).join(', ')}`] },
      )
    }
    if (!isShell(shell))
      throw new KeymgmtError('USAGE', `there is no completion for ${JSON.stringify(shell)}`, {
        hints: [`there is for ${Object.keys(SCRIPTS).join(', ')}`],
      })
    terminal.out(SCRIPTS[shell])
    return 0
  },
})
