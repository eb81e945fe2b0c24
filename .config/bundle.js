// Makes what is published: the command, the library and the demo in a few files that need no packages, with the
// licences of what is in them and a bill of materials (CycloneDX 1.6).
import { build } from 'esbuild'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const OUT = 'dist/bundle'
const manifest = JSON.parse(readFileSync('package.json', 'utf8'))

/** The folders of the packages whose code is in the bundle, from the files that esbuild says it took. */
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

rmSync(OUT, { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: { keymgmt: 'src/cli/main.ts', index: 'src/index.ts', demo: 'demo/demo.ts' },
  outdir: OUT,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Without it packages that come in two forms are there twice.
  mainFields: ['module', 'main'],
  minify: true,
  metafile: true,
  logLevel: 'warning',
  // Packages in CommonJS ask for Node's own modules with require.
  banner: { js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);" },
})
const packages = bundledPackages(Object.keys(metafile.inputs)).filter((folder) => existsSync(join(folder, 'package.json'))).map(describe)
writeFileSync(join(OUT, 'THIRD-PARTY-NOTICES.txt'), `${notices(packages)}\n`)
writeFileSync(join(OUT, 'sbom.cdx.json'), `${JSON.stringify(billOfMaterials(packages), null, 2)}\n`)
