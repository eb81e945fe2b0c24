import { describe, expect, it } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

const WORKFLOWS = '.github/workflows'
const workflows = readdirSync(WORKFLOWS)
const textOf = (name: string) => readFileSync(join(WORKFLOWS, name), 'utf8')

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly permissions?: Readonly<Record<string, string>>
        readonly needs?: string
        readonly environment?: string
        readonly steps: readonly { readonly uses?: string; readonly run?: string }[]
      }
    >
  >
}

const read = (name: string) => parse(textOf(name)) as Workflow

describe('workflows', () => {
  it.each(workflows)('%s pins every action by commit, and names its version', (name) => {
    const uses = textOf(name)
      .split('\n')
      .filter((line) => line.includes('uses:'))
    expect(uses.length).toBeGreaterThan(0)
    for (const line of uses)
      expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  it.each(workflows)('%s has only read permissions, except the job that publishes', (name) => {
    const { permissions, jobs } = read(name)
    expect(permissions).toEqual({ contents: 'read' })
    const wider = Object.entries(jobs)
      .filter(([, job]) => job.permissions)
      .map(([job, { permissions: given }]) => [name, job, given])
    expect(wider).toEqual(
      name === 'release.yml' ? [['release.yml', 'publish', { 'id-token': 'write' }]] : [],
    )
  })

  it('the job that publishes runs no code of the repository, and checks the tarball', () => {
    const { needs, environment, steps = [] } = read('release.yml').jobs.publish ?? {}
    expect({ needs, environment }).toEqual({ needs: 'build', environment: 'npm' })
    const uses = steps.flatMap((step) => step.uses ?? []).map((use) => use.replace(/@.*/, ''))
    expect(uses).toEqual(['actions/setup-node', 'actions/download-artifact'])
    expect(steps.flatMap(({ run }) => run ?? [])).toEqual([
      expect.stringMatching(/sha256sum --check$/),
      'npm stage publish --access public ./keymgmt-*.tgz',
    ])
    expect(textOf('release.yml')).not.toMatch(/secrets\.|NODE_AUTH_TOKEN|NPM_TOKEN/)
  })

  it('the package that is published is the one that passed all checks', () => {
    const steps = read('release.yml').jobs.build?.steps ?? []
    const commands = steps.flatMap(({ run }) => run ?? [])
    const checked = commands.indexOf('.ci/run')
    const packed = commands.findIndex((command) => command.startsWith('npm pack --ignore-scripts'))
    expect(checked).toBeGreaterThan(0)
    expect(packed).toBeGreaterThan(checked)
    expect(steps.at(-1)?.uses).toMatch(/^actions\/upload-artifact@/)
  })

  it('packages are installed exactly as the lock file says', () => {
    const texts = [...workflows.map(textOf), readFileSync('.ci/run', 'utf8')]
    for (const text of texts) expect(text).not.toMatch(/npm (install|i) (?!-g)/)
    expect(texts.join('\n').match(/npm ci\b/g)).toHaveLength(3)
  })

  it('the tests run on every supported Node.js', () => {
    expect(textOf('ci.yml')).toMatch(/node-version: 20\n/)
    expect(textOf('ci.yml')).toContain('node: [22, 24, 26]')
  })
})

describe('package.json', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Readonly<
    Record<string, unknown>
  >
  const repository = 'https://github.com/keymgmt/keymgmt'

  it('names the repository, which npm needs for provenance and for the links of README.md', () => {
    expect(manifest).toMatchObject({
      repository: { type: 'git', url: `git+${repository}.git` },
      homepage: `${repository}#readme`,
      bugs: { url: `${repository}/issues` },
    })
  })

  it('lists the manual pages', () => {
    expect(manifest.man).toEqual(['./dist/bundle/keymgmt.1'])
  })

  it('publishes no page that is meant for the website only', () => {
    expect(manifest.files).not.toContain('docs')
  })
})

describe('CHANGELOG.md', () => {
  const lines = readFileSync('CHANGELOG.md', 'utf8').split('\n')
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

  it('has the form of Keep a Changelog', () => {
    expect(lines[0]).toBe('# Changelog')
    const headings = lines.filter((line) => /^#{2,} /.test(line))
    expect(headings[0]).toBe('## [Unreleased]')
    for (const heading of headings.slice(1))
      expect(heading).toMatch(
        /^## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$|^### (Added|Changed|Deprecated|Removed|Fixed|Security)$/,
      )
  })

  it('lists the newest version first, and no version newer than the package', () => {
    const versions = lines.flatMap(
      (line) => /^## \[(\d+)\.(\d+)\.(\d+)\]/.exec(line)?.slice(1).map(Number) ?? [],
    )
    const order = (at: number) =>
      versions.slice(at, at + 3).reduce((sum, part) => sum * 1e4 + part, 0)
    const own = version
      .split('.')
      .map(Number)
      .reduce((sum, part) => sum * 1e4 + part, 0)
    const all = [
      own,
      ...Array.from({ length: versions.length / 3 }, (_, index) => order(3 * index)),
    ]
    expect([...all].sort((one, other) => other - one)).toEqual(all)
  })
})
