import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
  type Stats,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { KeymgmtError } from '../../errors.js'
import { writeNewFile } from '../../store/atomic-file.js'
import { assertFoldersAbove } from '../../store/folders-above.js'
import type { Terminal } from '../terminal.js'
import { SCRIPTS } from './scripts.js'

// No package does this as Vault's flags do, with one line in each file. @pnpm/tabtab asks questions
// first, and the scripts of omelette work only with its own parser.

/** A shell on this machine: its start-up file, and our text in it. */
interface ShellFile {
  readonly file: string
  readonly text: string
  /** True if the file contains only our text. */
  readonly whole: boolean
}

/** Matches our line in a file, with any location of the program. */
const OUR_LINE = /\n?.*_keymgmt\(\) \{ unset -f _keymgmt; .*\n/

/**
 * Installs or removes keymgmt's completion in the start-up files of the user's shells, like Vault's
 * `-autocomplete-install`. Returns the exit status. Changes files that exist; creates only the one
 * that fish reads.
 * @throws KeymgmtError USAGE if that is impossible; nothing is changed then.
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
  const home = homeOf(env)
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

/** @throws KeymgmtError USAGE if the user has no home folder. */
function homeOf({ HOME }: Terminal['env']): string {
  try {
    const home = HOME ?? homedir()
    if (isAbsolute(home)) return home
  } catch {
    // The system knows no home folder of this user.
  }
  throw new KeymgmtError('USAGE', 'the start-up files of your shells were not found', {
    hints: ['set HOME to your home folder, or print the script: keymgmt completion bash'],
  })
}

/**
 * Returns a function that loads the real one when it is first needed, so that it does not slow down
 * the start of the shell.
 */
function onDemand(program: string, shell: 'bash' | 'zsh'): string {
  return `_keymgmt() { unset -f _keymgmt; eval "$('${program.replaceAll("'", "'\\''")}' completion ${shell} 2>/dev/null)"; _keymgmt "$@"; };`
}

function isInstalled({ file, whole }: ShellFile): boolean {
  return existsSync(file) && (whole || OUR_LINE.test(withFile(file, constants.O_RDONLY, readText)))
}

function putIn({ file, text, whole }: ShellFile): void {
  if (whole) {
    const folder = dirname(dirname(file))
    assertOwn(folder, statSync(folder))
    mkdirSync(dirname(file), { recursive: true })
  }
  const flags = constants.O_WRONLY | (whole ? constants.O_CREAT : constants.O_APPEND)
  withFile(file, flags, (descriptor) => {
    if (whole) ftruncateSync(descriptor)
    writeFileSync(descriptor, text)
  })
}

function takeOut({ file, whole }: ShellFile): void {
  if (whole) {
    rmSync(file)
    return
  }
  withFile(file, constants.O_RDWR, (descriptor) => {
    const text = readText(descriptor)
    const backup = `${file}.bck`
    rmSync(backup, { force: true })
    writeNewFile(backup, text)
    ftruncateSync(descriptor)
    writeSync(descriptor, text.replace(OUR_LINE, ''), 0)
    rmSync(backup)
  })
}

function readText(descriptor: number): string {
  return readFileSync(descriptor, 'utf8')
}

/**
 * Opens a start-up file, which may be a link, and checks the open file. Refuses a file that another
 * user may have put there, especially when root runs the command.
 * @throws KeymgmtError STORE_PERMISSIONS if another user may have chosen it, USAGE if it is not a
 * regular file.
 */
function withFile<T>(file: string, flags: number, use: (descriptor: number) => T): T {
  assertFoldersAbove(file, 'follow')
  assertOwn(dirname(file), statSync(dirname(file)))
  const descriptor = openSync(file, flags | constants.O_NONBLOCK, 0o644)
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw new KeymgmtError('USAGE', `${file} is not a regular file`)
    assertOwn(file, stats)
    return use(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function assertOwn(path: string, { uid }: Stats): void {
  if (process.platform !== 'win32' && uid !== process.getuid?.())
    throw new KeymgmtError('STORE_PERMISSIONS', `${path} belongs to another user`, {
      hints: ['run the command as that user; nothing was changed'],
    })
}
