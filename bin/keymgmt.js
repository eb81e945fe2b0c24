#!/usr/bin/env node
// Compiled code is kept for the next run, by a Node.js that can: 22.8 and newer.
require('node:module').enableCompileCache?.()
require('../dist/bundle/keymgmt.cjs').main().then((status) => { process.exitCode = status })
