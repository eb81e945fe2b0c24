#!/usr/bin/env node
const { existsSync } = require('node:fs')
const { join } = require('node:path')

const program = join(__dirname, '../dist/bundle/keymgmt.cjs')
if (!existsSync(program)) {
  process.stderr.write('keymgmt is not built. To build it, run: npm run build\n')
  process.exit(1)
}
// main() writes all output synchronously, so nothing is lost at the exit.
require(program).main().then(process.exit)
