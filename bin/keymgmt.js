#!/usr/bin/env node
const { join } = require('node:path')
const { enableCompileCache } = require('node:module')

// Compiled code is kept for the next run, by a Node.js that can (22.8 and newer): in a folder of this user's, for whoever
// can write to it could have code of theirs run.
enableCompileCache?.(join(process.env.XDG_CACHE_HOME || join(require('node:os').homedir(), '.cache'), 'keymgmt'))
require('../dist/bundle/keymgmt.cjs').main().then((status) => { process.exitCode = status })
