#!/usr/bin/env node
// Loads the code that every command needs from what V8 compiled of it in an earlier run, which takes half as long. All other
// code has the cache of Node.js, where that has one (22.8 and newer); it is slower to begin with, and knows less. Both are in
// a folder of this user's, for whoever can write to it could have code of theirs run.
const { lstatSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { Script } = require('node:vm')

const BUNDLE = join(__dirname, '../dist/bundle')
const FOLDER = join(process.env.XDG_CACHE_HOME || join(process.env.HOME || require('node:os').homedir(), '.cache'), 'keymgmt')

/** What an earlier run kept, if nobody else could have written it. */
function kept(file) {
  try {
    const { uid, mode } = lstatSync(file)
    const ours = process.getuid === undefined || (uid === process.getuid() && (mode & 0o177777) === 0o100600)
    return ours ? readFileSync(file) : undefined
  } catch {
    return undefined
  }
}

/** That nothing can be kept is no reason to fail. */
function makeFolder() {
  try {
    mkdirSync(FOLDER, { recursive: true, mode: 0o700 })
  } catch {}
}

function keep(file, compiled) {
  const draft = `${file}.${process.pid}`
  try {
    makeFolder()
    writeFileSync(draft, compiled, { mode: 0o600, flag: 'wx' })
    renameSync(draft, file)
  } catch {}
}

// V8 takes what it compiled for any text of the same length; the name has a hash of the text.
const name = readdirSync(BUNDLE).find((each) => each.startsWith('startup-'))
const cached = join(FOLDER, `${name}-${process.version}-${process.arch}`)
const filename = join(BUNDLE, name)
const script = new Script(module.constructor.wrap(readFileSync(filename, 'utf8')), { filename, cachedData: kept(cached) })
const startup = new module.constructor(filename, module)
startup.filename = filename
require.cache[filename] = startup
let cacheOthers = () => {
  cacheOthers = () => undefined
  makeFolder()
  require('node:module').enableCompileCache?.(FOLDER)
}
const load = (id) => {
  if (id.startsWith('.')) cacheOthers()
  return startup.require(id)
}
script.runInThisContext().call(startup.exports, startup.exports, load, startup, filename, BUNDLE)
startup.loaded = true
// At its end, a run has compiled all that one like it needs.
if (script.cachedDataRejected !== false) process.once('exit', () => { keep(cached, script.createCachedData()) })
// All that is written is written when it is done: nothing is waited for.
startup.exports.main().then((status) => { process.exit(status) })
