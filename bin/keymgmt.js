#!/usr/bin/env node
import * as module from 'node:module'

// Compiled code is kept for the next run, by a Node.js that can: 22.8 and newer.
module.enableCompileCache?.()
const { main } = await import('../dist/bundle/keymgmt.js')
process.exitCode = await main()
