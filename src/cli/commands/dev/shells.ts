import { basename } from 'node:path'

/** The prefix of a shell's prompt under `keymgmt dev`. */
const PREFIX = '(keymgmt dev) '

/** A command that starts a shell with the prefix, and the start-up files that it needs. */
export interface PreparedShell {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The contents of the files, by absolute path. */
  readonly files: Readonly<Record<string, string>>
}

interface Shell {
  /** The arguments that keep the shell interactive and let it read its start-up files. */
  readonly flags: readonly string[]
  readonly prepare: (
    command: readonly [file: string, ...args: string[]],
    folder: { readonly join: (...names: string[]) => string },
    env: Readonly<Record<string, string | undefined>>,
  ) => PreparedShell
}

/** Each shell first reads the user's own files, which are not changed. */
const SHELLS: Readonly<Record<string, Shell>> = {
  // A login shell of bash reads no --rcfile.
  bash: {
    flags: ['-i'],
    prepare: ([file, ...args], { join }) => ({
      command: [file, '--rcfile', join('bashrc'), ...args],
      env: {},
      files: { [join('bashrc')]: BASHRC },
    }),
  },
  zsh: {
    flags: ['-i', '-l', '--interactive', '--login'],
    prepare: (command, { join }, env) => ({
      command,
      env: { ZDOTDIR: join('zsh') },
      files: { [join('zsh', '.zshenv')]: zshenv(env.ZDOTDIR) },
    }),
  },
  fish: {
    flags: ['-i', '-l', '--interactive', '--login'],
    prepare: ([file, ...args]) => ({
      command: [file, '--init-command', FISH, ...args],
      env: {},
      files: {},
    }),
  },
}

// Also add the prefix to a prompt that is computed before each line, as by starship.
const BASHRC = `if [ -f ~/.bashrc ]; then . ~/.bashrc; fi
keymgmt_dev_prompt() {
  case \${PS1-} in '${PREFIX}'*) ;; *) PS1="${PREFIX}\${PS1-}" ;; esac
}
PROMPT_COMMAND="\${PROMPT_COMMAND:+$PROMPT_COMMAND
}keymgmt_dev_prompt"
`

/**
 * Returns a .zshenv that sets ZDOTDIR to the user's own folder, where zsh reads its other start-up
 * files.
 */
function zshenv(ownFolder: string | undefined): string {
  return `${ownFolder ? `export ZDOTDIR=${shellQuote(ownFolder)}` : 'unset ZDOTDIR'}
if [[ -f \${ZDOTDIR:-$HOME}/.zshenv ]]; then source \${ZDOTDIR:-$HOME}/.zshenv; fi
keymgmt_dev_prompt() { [[ $PROMPT == '${PREFIX}'* ]] || PROMPT="${PREFIX}$PROMPT" }
precmd_functions+=(keymgmt_dev_prompt)
`
}

const FISH = `functions --copy fish_prompt keymgmt_dev_prompt
function fish_prompt
  set --local lines (keymgmt_dev_prompt)
  set lines[1] '${PREFIX}'"$lines[1]"
  string join -- \\n $lines
end`

/**
 * Prepares a shell whose prompt begins with the prefix. Returns undefined for every other command,
 * such as a script, and for a shell whose arguments keep it from being interactive.
 */
export function prepareShell(
  command: readonly string[],
  folder: { readonly join: (...names: string[]) => string },
  env: Readonly<Record<string, string | undefined>>,
): PreparedShell | undefined {
  const [file, ...args] = command
  if (file === undefined) return undefined
  const name = nameOf(file)
  const shell = Object.hasOwn(SHELLS, name) ? SHELLS[name] : undefined
  if (!shell || args.some((arg) => !shell.flags.includes(arg))) return undefined
  return shell.prepare([file, ...args], folder, env)
}

/** True if the program is a shell that ends with `exit`. */
export function isShell(file: string): boolean {
  return /^(ba|z|fi|da|k|c|tc)?sh$/.test(nameOf(file))
}

function nameOf(file: string): string {
  return basename(file).replace(/\.exe$/i, '')
}

/** Quotes `text` as one word for a POSIX shell. */
export function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
