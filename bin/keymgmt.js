#!/usr/bin/env node
// Loads the code that every command needs from what V8 compiled of it in an earlier run, which
// takes half as long. All other code has the cache of Node.js, where that has one (22.8 and newer);
// it is slower to begin with, and knows less. Both are in a folder that only this user can write
// to, for whoever can could have code of theirs run.
const {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} = require('node:fs')
const { join } = require('node:path')
const { Script } = require('node:vm')

const BUNDLE = join(__dirname, '../dist/bundle')
const FOLDER = join(
  process.env.XDG_CACHE_HOME || join(process.env.HOME || require('node:os').homedir(), '.cache'),
  'keymgmt',
)

/**
 * Whether nobody but this user can write to it, who makes it if need be. Root with the home of
 * somebody else is not its user.
 */
function isOurs(folder) {
  try {
    const found = statSync(folder, { throwIfNoEntry: false })
    if (found === undefined)
      return mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined
    return (
      process.getuid === undefined || (found.uid === process.getuid() && (found.mode & 0o022) === 0)
    )
  } catch {
    return false
  }
}

function kept(file) {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

/**
 * V8 does not look whether all of it is there: so it is on the disk before it has its name. That it
 * can't be kept is no reason to fail.
 */
function keep(file, compiled) {
  const draft = `${file}.${process.pid}`
  try {
    try {
      writeFileSync(draft, compiled, { mode: 0o600, flush: true })
      renameSync(draft, file)
    } finally {
      rmSync(draft, { force: true })
    }
  } catch {}
}

// V8 takes what it compiled for any text of the same length; the name has a hash of the text.
const name = readdirSync(BUNDLE).find((each) => each.startsWith('startup-'))
const cached = join(FOLDER, `${name}-${process.version}-${process.arch}`)
const filename = join(BUNDLE, name)
const keeps = isOurs(FOLDER)
const script = new Script(module.constructor.wrap(readFileSync(filename, 'utf8')), {
  filename,
  cachedData: keeps ? kept(cached) : undefined,
})
const startup = new module.constructor(filename, module)
startup.filename = filename
require.cache[filename] = startup
let cacheOthers = () => {
  cacheOthers = () => undefined
  if (keeps) require('node:module').enableCompileCache?.(FOLDER)
}
const load = (id) => {
  if (id.startsWith('.')) cacheOthers()
  return startup.require(id)
}
script.runInThisContext().call(startup.exports, startup.exports, load, startup, filename, BUNDLE)
startup.loaded = true
// At its end, a run has compiled all that one like it needs.
if (keeps && script.cachedDataRejected !== false)
  process.once('exit', () => {
    keep(cached, script.createCachedData())
  })
// All that is written is written when it is done: nothing is waited for.
startup.exports.main().then((status) => {
  process.exit(status)
})
