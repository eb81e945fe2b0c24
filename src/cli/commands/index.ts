import type { Command } from './command.js'
import { completion } from './completion.js'
import { config } from './config.js'
import { dev } from './dev.js'
import { help } from './help.js'
import { pathHelpCommand } from './path-help.js'
import { policy } from './policy.js'
import { status } from './status.js'
import { list, read, remove, write } from './verbs.js'
import { version } from './version.js'

/** Every command, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  read,
  write,
  remove,
  list,
  completion,
  config,
  dev,
  help,
  pathHelpCommand,
  policy,
  status,
  version,
]
