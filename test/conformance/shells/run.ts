import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

// Completion in zsh and fish themselves, where they are installed: a line, and the result of a Tab.
// The completion of bash has a separate test, because bash is everywhere. Then the prompt of each
// shell under `keymgmt dev`, on a terminal.

/** By line: the line in zsh after a Tab, and the candidates of fish. */
const LINES: Readonly<Record<string, { readonly zsh: string; readonly fish: readonly string[] }>> =
  {
    'keymgmt wr': { zsh: 'keymgmt write ', fish: ['write'] },
    'keymgmt read keymgmt/ke': { zsh: 'keymgmt read keymgmt/key/app ', fish: ['keymgmt/key/app'] },
    'keymgmt list keymgmt/kms/k': {
      zsh: 'keymgmt list keymgmt/kms/k/key ',
      fish: ['keymgmt/kms/k/key'],
    },
    'keymgmt delete keymgmt/key/a': {
      zsh: 'keymgmt delete keymgmt/key/app ',
      fish: ['keymgmt/key/app'],
    },
    'keymgmt write keymgmt/key/app min': {
      zsh: 'keymgmt write keymgmt/key/app min_enabled_version=',
      fish: ['min_enabled_version='],
    },
    'keymgmt write keymgmt/key/x type=aes': {
      zsh: 'keymgmt write keymgmt/key/x type=aes256-gcm96 ',
      fish: ['type=aes256-gcm96'],
    },
    'keymgmt read -for': { zsh: 'keymgmt read -format=', fish: ['-format='] },
    'keymgmt read -format=j': { zsh: 'keymgmt read -format=json ', fish: ['-format=json'] },
    'keymgmt help exi': { zsh: 'keymgmt help exit-codes ', fish: ['exit-codes'] },
    'keymgmt completion f': { zsh: 'keymgmt completion fish ', fish: ['fish'] },
    'keymgmt nothing ': { zsh: 'keymgmt nothing ', fish: [] },
  }

const home = mkdtempSync(join(tmpdir(), 'keymgmt-shells-'))
const env = {
  HOME: home,
  KEYMGMT_HOME: join(home, 'store'),
  PATH: `${join(home, 'bin')}:${process.env.PATH ?? ''}`,
  TERM: 'xterm',
}

function run(file: string, args: readonly string[]): string {
  const { stdout, stderr, status, error } = spawnSync(file, args, {
    env,
    cwd: home,
    encoding: 'utf8',
    timeout: 120_000,
  })
  if (error) throw new Error(`${file} can't be run: ${error.message}`)
  if (status !== 0) throw new Error(`${file} ended with ${String(status)}: ${stderr}`)
  return stdout
}

/**
 * Types each line and a Tab into a zsh on a pseudo-terminal. ^X then prints the line, and clears
 * it.
 */
function inZsh(lines: readonly string[]): string[] {
  const script = `
zmodload zsh/zpty
zpty shell zsh -f -i
ask() { zpty -w shell "$1"; zpty -r shell answer "*$2*"; }
ask 'PS1= RPS1=; unsetopt zle_bracketed_paste prompt_sp; autoload -Uz compinit; compinit -u; eval "$(keymgmt completion zsh)"; show() { print -r -- "<$BUFFER>"; BUFFER=; }; zle -N show; bindkey "^X" show; echo rea""dy' ready
for line in "$@"; do
    zpty -wn shell "$line"$'\\t\\C-x'
    zpty -r shell answer '*<*>*'
    print -r -- "\${\${answer##*<}%%>*}"
done
zpty -d shell`
  return run('zsh', ['-f', '-c', script, 'zsh', ...lines])
    .split('\n')
    .slice(0, -1)
}

/** Returns fish's candidates at the end of the line, without their descriptions. */
function inFish(line: string): string[] {
  return run('fish', [
    '--no-config',
    '-c',
    'keymgmt completion fish | source; complete -C $argv[1]',
    line,
  ])
    .split('\n')
    .filter((offer) => offer !== '')
    .map((offer) => offer.replace(/\t.*/, ''))
}

/** Start-up files of a user, and the resulting prompt under `keymgmt dev`. */
const PROMPTS: Readonly<Record<string, { readonly file: string; readonly text: string }>> = {
  bash: { file: '.bashrc', text: 'PS1="mine> "\n' },
  zsh: { file: '.zshrc', text: 'PROMPT="mine> "\n' },
  fish: {
    file: '.config/fish/config.fish',
    text: "function fish_prompt; printf 'mine> '; end\n",
  },
}

/** Everything that a shell under `keymgmt dev` writes on a terminal until it has run one line. */
function underDev(shell: string): string {
  const script = `
zmodload zsh/zpty
zpty shell keymgmt dev -- "$1"
zpty -w shell 'echo $KEYMGMT_DEV; exit'
while zpty -r shell part; do print -rn -- "$part"; done`
  return run('zsh', ['-f', '-c', script, 'zsh', shell])
}

let failed = 0
let passed = 0
function check(shell: string, line: string, found: unknown, expected: unknown): void {
  if (JSON.stringify(found) === JSON.stringify(expected)) passed++
  else {
    failed++
    console.error(
      `${shell}: ${JSON.stringify(line)} should become ${JSON.stringify(expected)}, and became ${JSON.stringify(found)}`,
    )
  }
}

try {
  mkdirSync(join(home, 'bin'))
  symlinkSync(resolve('bin/keymgmt.js'), join(home, 'bin', 'keymgmt'))
  for (const line of [
    'write -f keymgmt/key/app type=aes256-gcm96',
    'write keymgmt/kms/k provider=awskms key_collection=us-west-1',
  ]) {
    execFileSync('keymgmt', line.split(' '), { env, stdio: 'ignore' })
  }
  const typed = inZsh(Object.keys(LINES))
  for (const [index, [line, { zsh, fish }]] of Object.entries(LINES).entries()) {
    check('zsh', line, typed[index], zsh)
    check('fish', line, inFish(line), fish)
  }
  for (const [shell, { file, text }] of Object.entries(PROMPTS)) {
    mkdirSync(dirname(join(home, file)), { recursive: true })
    writeFileSync(join(home, file), text)
    const written = underDev(shell)
    const expected = ['(keymgmt dev) mine> ', 'throw-away']
    check(
      shell,
      'keymgmt dev',
      expected.filter((part) => written.includes(part)),
      expected,
    )
    check(shell, file, readFileSync(join(home, file), 'utf8'), text)
  }
} finally {
  rmSync(home, { recursive: true, force: true })
}
console.log(
  `completion in zsh and fish, prompts in bash, zsh and fish: ${passed} passed, ${failed} failed`,
)
process.exitCode = failed === 0 ? 0 : 1
