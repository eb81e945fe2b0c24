// Makes what is published: the command, the library and the demo in a few files that need no packages, with the
// licences of what is in them and a bill of materials (CycloneDX 1.6).
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, relative } from 'node:path'
import { rolldown } from 'rolldown'

const OUT = 'dist/bundle'
const manifest = JSON.parse(readFileSync('package.json', 'utf8'))

/** The folders of the packages whose code is in the bundle, from the modules that it was made of. */
function bundledPackages(inputs) {
  const folders = inputs.flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? [])
  return [...new Set(folders)].sort()
}

function licenceText(folder) {
  const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)(\.|$)/i.test(name))
  return file === undefined ? undefined : readFileSync(join(folder, file), 'utf8').trim()
}

function describe(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return { name, version, license: typeof license === 'string' ? license : (license?.type ?? 'UNKNOWN'), text: licenceText(folder) }
}

function notices(packages) {
  return packages
    .map(({ name, version, license, text }) => `${name} ${version} (${license})\n\n${text ?? `It comes without a licence text; its manifest says ${license}.`}`)
    .join(`\n\n${'-'.repeat(80)}\n\n`)
}

function billOfMaterials(packages) {
  const purl = ({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`
  const component = (of) => ({
    type: 'library', 'bom-ref': purl(of), name: of.name, version: of.version, purl: purl(of), licenses: [{ expression: of.license }],
  })
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { ...component(manifest), type: 'application' } },
    components: packages.map(component),
  }
}

/**
 * Takes Node's own modules by require. An import runs every getter of theirs, which opens the streams of the process,
 * loads WebCrypto, and so on.
 */
const builtins = {
  name: 'builtins',
  resolveId(id, _importer, { kind }) {
    // It is what makes require.
    if (!isBuiltin(id) || /^(node:)?module$/.test(id)) return null
    return kind === 'require-call' ? { id, external: true } : `\0${id}`
  },
  load: (id) => (id.startsWith('\0') && isBuiltin(id.slice(1)) ? `module.exports = require(${JSON.stringify(id.slice(1))})` : null),
}

const COMMON = {
  platform: 'node',
  // Without it packages that come in two forms are there twice.
  resolve: { mainFields: ['module', 'main'] },
  plugins: [builtins],
}

/** The modules that the command loads before it does anything. */
async function startupModules() {
  const startup = new Set()
  const follow = {
    name: 'follow',
    buildEnd() {
      const visit = (id) => {
        if (startup.has(id)) return
        startup.add(id)
        for (const imported of this.getModuleInfo(id)?.importedIds ?? []) visit(imported)
      }
      for (const id of this.getModuleIds()) if (this.getModuleInfo(id).isEntry) visit(id)
    },
  }
  const command = await rolldown({ ...COMMON, input: 'src/cli/main.ts', plugins: [...COMMON.plugins, follow] })
  await command.generate({})
  await command.close()
  return startup
}

rmSync(OUT, { recursive: true, force: true })
const startup = await startupModules()
const bundle = await rolldown({ ...COMMON, input: { keymgmt: 'src/cli/main.ts', index: 'src/index.ts', demo: 'demo/demo.ts' } })
const { output } = await bundle.write({
  dir: OUT,
  format: 'esm',
  minify: true,
  // To find a file takes longer than to read it: what every command needs is in one.
  codeSplitting: { groups: [{ name: 'startup', test: (id) => startup.has(id) }] },
})
await bundle.close()
const modules = output.flatMap(({ moduleIds = [] }) => moduleIds.map((id) => relative('.', id)))
const packages = bundledPackages(modules).filter((folder) => existsSync(join(folder, 'package.json'))).map(describe)
writeFileSync(join(OUT, 'THIRD-PARTY-NOTICES.txt'), `${notices(packages)}\n`)
writeFileSync(join(OUT, 'sbom.cdx.json'), `${JSON.stringify(billOfMaterials(packages), null, 2)}\n`)
