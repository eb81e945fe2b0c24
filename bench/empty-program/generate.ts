import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  readCommandTable,
  type CommandDeclaration,
  type OptionDeclaration,
} from './command-table.js'

const COMMANDER = dirname(fileURLToPath(import.meta.resolve('commander')))
const KEYMGMT = fileURLToPath(new URL('../../../bin/keymgmt.js', import.meta.url))

/**
 * Writes a commander program that declares the commands of keymgmt and does nothing, and returns
 * its path. It imports commander unbundled, and uses the compile cache of Node.js if keymgmt does.
 * It is an ES module, as the sources of keymgmt are. It also loads `builtins`.
 */
export async function generateEmptyProgram(
  folder: string,
  builtins: readonly string[] = [],
): Promise<string> {
  cpSync(COMMANDER, join(folder, 'node_modules', 'commander'), { recursive: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  const file = join(folder, 'empty-program.js')
  const usesCompileCache = readFileSync(KEYMGMT, 'utf8').includes('enableCompileCache')
  const imports = builtins.map((name) => `import '${name}'\n`).join('')
  writeFileSync(file, imports + sourceOf(await readCommandTable(), usesCompileCache))
  return file
}

function sourceOf(commands: readonly CommandDeclaration[], usesCompileCache: boolean): string {
  return [
    ...(usesCompileCache
      ? ["import { enableCompileCache } from 'node:module'", 'enableCompileCache?.()']
      : []),
    "import { Command, Option } from 'commander'",
    "const program = new Command('keymgmt')",
    ...commands.map(commandSource),
    'program.parse()',
    '',
  ].join('\n')
}

function commandSource({ name, summary, description, args, options }: CommandDeclaration): string {
  return [
    `program${call('command', name)}${call('summary', summary)}${call('description', description)}`,
    ...args.map((arg) => call('argument', arg)),
    ...options.map((option) => `.addOption(${optionSource(option)})`),
    '.action(() => {})',
  ].join('\n  ')
}

function optionSource(option: OptionDeclaration): string {
  const { flags, description, choices, default: preset, env } = option
  return [
    `new Option(${JSON.stringify(flags)}, ${JSON.stringify(description)})`,
    choices === undefined ? '' : call('choices', choices),
    preset === undefined ? '' : call('default', preset),
    env === undefined ? '' : call('env', env),
  ].join('')
}

function call(method: string, argument: unknown): string {
  return `.${method}(${JSON.stringify(argument)})`
}
