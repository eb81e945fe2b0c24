import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { KeymgmtError } from '../../errors.js'
import type { Terminal } from '../terminal.js'
import { SCRIPTS } from './scripts.js'

// By hand, because Vault's flags put one line into each file. The packages that edit these files
// (@pnpm/tabtab, omelette) ask questions first, or write scripts that only their parsers complete.

/** One shell that is set up on this machine: its start-up file, and our text in it. */
interface ShellFile {
  readonly file: string
  readonly text: string
  /** Whether the file is ours alone. */
  readonly whole: boolean
}

/** The line that is put into a file, wherever the program was then. */
const OUR_LINE = /\n?.*_keymgmt\(\) \{ unset -f _keymgmt; .*\n/

/**
 * Installs or removes keymgmt's completion in the start-up files of the user's shells, like Vault's
 * `-autocomplete-install`. Returns the exit status. Changes files that exist; creates only the one
 * that fish reads.
 * @throws KeymgmtError USAGE when that cannot be done, before anything is changed.
 */
export function changeShells(terminal: Terminal, change: 'install' | 'uninstall'): number {
  const uninstall = change === 'uninstall'
  const files = shellFiles(terminal, process.argv[1] ?? 'keymgmt')
  if (files.length === 0)
    throw new KeymgmtError('USAGE', 'Did not find any shells to install', {
      hints: ['print the script instead: keymgmt completion bash'],
    })
  const contradicting = files.find((shell) => isInstalled(shell) !== uninstall)
  if (contradicting)
    throw new KeymgmtError(
      'USAGE',
      `${uninstall ? 'not installed' : 'already installed'} in ${contradicting.file}`,
    )
  for (const shell of files) (uninstall ? takeOut : putIn)(shell)
  return 0
}

function shellFiles({ env, platform }: Terminal, program: string): readonly ShellFile[] {
  const home = env.HOME ?? homedir()
  const fish = join(env.XDG_CONFIG_HOME ?? join(home, '.config'), 'fish')
  const bash =
    platform === 'darwin'
      ? ['.bash_profile']
      : ['.bashrc', '.bash_profile', '.bash_login', '.profile']
  const bashFile = bash.map((name) => join(home, name)).find((file) => existsSync(file))
  const zshFile = join(env.ZDOTDIR ?? home, '.zshrc')
  return [
    ...(bashFile === undefined
      ? []
      : [
          {
            file: bashFile,
            text: `\n${onDemand(program, 'bash')} complete -o nospace -o default -F _keymgmt keymgmt\n`,
            whole: false,
          },
        ]),
    ...(existsSync(zshFile)
      ? [
          {
            file: zshFile,
            text: `\n(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }; ${onDemand(program, 'zsh')} compdef _keymgmt keymgmt\n`,
            whole: false,
          },
        ]
      : []),
    ...(existsSync(fish)
      ? [{ file: join(fish, 'completions', 'keymgmt.fish'), text: SCRIPTS.fish, whole: true }]
      : []),
  ]
}

/**
 * A function that becomes the real one when it is first needed, so that no shell starts the slower
 * for it.
 */
function onDemand(program: string, shell: 'bash' | 'zsh'): string {
  return `_keymgmt() { unset -f _keymgmt; eval "$('${program.replaceAll("'", "'\\''")}' completion ${shell} 2>/dev/null)"; _keymgmt "$@"; };`
}

function isInstalled({ file, whole }: ShellFile): boolean {
  return existsSync(file) && (whole || OUR_LINE.test(readFileSync(file, 'utf8')))
}

function putIn({ file, text, whole }: ShellFile): void {
  if (!whole) {
    appendFileSync(file, text)
    return
  }
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, text)
}

function takeOut({ file, whole }: ShellFile): void {
  if (whole) {
    rmSync(file)
    return
  }
  const backup = `${file}.bck`
  copyFileSync(file, backup)
  writeFileSync(file, readFileSync(file, 'utf8').replace(OUR_LINE, ''))
  rmSync(backup)
}
