// Bundles the published package: the command, the library and the demo, in a few files without
// dependencies. Adds the licences of the bundled packages, a bill of materials (CycloneDX 1.6), and
// the manual page.
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { rolldown } from 'rolldown'
import { bundleDeclarations } from './declarations.js'

const OUT = 'dist/bundle'
const manifest = JSON.parse(readFileSync('package.json', 'utf8'))

/** The folders of the packages that the bundled modules come from. */
function bundledPackages(inputs) {
  const folders = inputs.flatMap(
    (file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? [],
  )
  return [...new Set(folders)].sort()
}

function licenceText(folder) {
  const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)(\.|$)/i.test(name))
  return file === undefined ? undefined : readFileSync(join(folder, file), 'utf8').trim()
}

function readPackage(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return {
    name,
    version,
    license: typeof license === 'string' ? license : (license?.type ?? 'UNKNOWN'),
    text: licenceText(folder),
  }
}

/** Each licence text once, below the packages that have it. */
function notices(packages) {
  const byText = new Map()
  for (const { name, version, license, text } of packages) {
    const shown = text ?? `It comes without a licence text; its manifest says ${license}.`
    byText.set(shown, [...(byText.get(shown) ?? []), `${name} ${version} (${license})`])
  }
  return [...byText]
    .map(([text, titles]) => `${titles.join('\n')}\n\n${text}`)
    .join(`\n\n${'-'.repeat(80)}\n\n`)
}

function billOfMaterials(packages) {
  const purl = ({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`
  const component = (pack) => ({
    type: 'library',
    'bom-ref': purl(pack),
    name: pack.name,
    version: pack.version,
    purl: purl(pack),
    licenses: [{ expression: pack.license }],
  })
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { ...component(manifest), type: 'application' } },
    components: packages.map(component),
  }
}

rmSync(OUT, { recursive: true, force: true })
const COMMAND = resolve('src/cli/main.ts')
const VERBS = ['read', 'write', 'delete', 'list'].map((verb) =>
  resolve(`src/cli/commands/${verb}.ts`),
)
/** The file that bin/keymgmt.js loads. */
const STARTUP = 'keymgmt'
/** Its modules: those that every command loads, and those of the four verbs. */
const startup = new Set(['\0rolldown/runtime.js'])

/** Collects the modules that these modules import statically, directly or indirectly. */
const collectStartup = {
  name: 'collect-startup',
  buildEnd() {
    const collect = (id) => {
      if (startup.has(id)) return
      startup.add(id)
      this.getModuleInfo(id)?.importedIds.forEach(collect)
    }
    for (const id of [COMMAND, ...VERBS]) collect(id)
  },
}

/** Modules that bundled packages import and never use, and the files that replace them. */
const UNUSED = [
  { source: 'node:child_process', importer: 'commander', by: 'no-child-process.js' },
  { source: 'ajv/dist/2020.js', importer: 'conf', by: 'no-schema-validator.js' },
  ...[
    '@noble/post-quantum/hybrid.js',
    '@noble/curves/nist.js',
    '@noble/curves/ed25519.js',
    '@noble/hashes/scrypt.js',
  ].map((source) => ({ source, importer: 'age-encryption', by: 'only-x25519-of-age.js' })),
  { source: 'ajv-formats', importer: 'conf', by: 'no-schema-validator.js' },
  { source: 'semver', importer: 'conf', by: 'no-migrations.js' },
  { source: 'debug', importer: 'https-proxy-agent', by: 'no-debug-output.js' },
]

const withoutUnused = {
  name: 'without-unused',
  resolveId(source, importer = '') {
    const unused = UNUSED.find(
      (each) => each.source === source && importer.includes(`node_modules/${each.importer}/`),
    )
    return unused && resolve('.config', unused.by)
  },
}

/**
 * V8 stores code with any character above U+00FF in two bytes per character, which takes longer to
 * scan.
 */
const startupInAscii = {
  name: 'startup-in-ascii',
  generateBundle(_options, chunks) {
    for (const chunk of Object.values(chunks)) {
      if (chunk.name !== STARTUP) continue
      chunk.code = chunk.code.replace(
        /[^\0-\x7f]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      )
    }
  },
}

const bundle = await rolldown({
  platform: 'node',
  // The default would bundle packages twice that publish both ES modules and CommonJS.
  resolve: {
    mainFields: ['module', 'main'],
    // yaml has ES modules, of which the bundler can leave out the parser, only under this name.
    alias: { yaml: resolve('node_modules/yaml/browser/dist/index.js') },
  },
  plugins: [collectStartup, withoutUnused, startupInAscii],
  input: { command: COMMAND, index: 'src/index.ts', demo: 'demo/demo.ts' },
})
const { output } = await bundle.write({
  dir: OUT,
  // CommonJS takes 12 ms less CPU time at startup than ES modules (Node.js 20). It needs
  // bin/package.json.
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: ({ name }) => (name === STARTUP ? '[name].cjs' : '[name]-[hash].cjs'),
  dynamicImportInCjs: false,
  minifyInternalExports: false,
  minify: true,
  // Opening a file takes longer than reading it, so one file contains everything that all commands
  // need, and another what all commands that change something need.
  codeSplitting: {
    groups: [
      { name: STARTUP, test: (id) => startup.has(id), priority: 2 },
      // The client of S3 stays out of them.
      { name: 'changes', test: /\/src\/(core\/(reconcile|records)|store(?!\/s3))\//, priority: 1 },
    ],
  },
})
await bundle.close()
const { exports: names } = output.find(({ name }) => name === 'index')
writeFileSync(
  join(OUT, 'index.mjs'),
  `import library from './index.cjs'\nexport const { ${names.join(', ')} } = library\n`,
)
const modules = output.flatMap(({ moduleIds = [] }) => moduleIds.map((id) => relative('.', id)))
const packages = bundledPackages(modules)
  .filter((folder) => existsSync(join(folder, 'package.json')))
  .map(readPackage)
writeFileSync(join(OUT, 'THIRD-PARTY-NOTICES.txt'), `${notices(packages)}\n`)
writeFileSync(join(OUT, 'sbom.cdx.json'), `${JSON.stringify(billOfMaterials(packages), null, 2)}\n`)
writeFileSync(join(OUT, 'index.d.ts'), bundleDeclarations('dist/src/index.d.ts'))
const { manual } = await import('../dist/src/cli/help/manual.js')
const { defineProgram } = await import('../dist/src/cli/commands/index.js')
const { processTerminal } = await import('../dist/src/cli/terminal.js')
const { signal } = new AbortController()
const program = await defineProgram({ terminal: await processTerminal(), signal })
writeFileSync(join(OUT, 'keymgmt.1'), manual(program, manifest.version))
