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

  it.each(workflows)('%s may read and nothing else, but where it publishes', (name) => {
    const { permissions, jobs } = read(name)
    expect(permissions).toEqual({ contents: 'read' })
    const wider = Object.entries(jobs)
      .filter(([, job]) => job.permissions)
      .map(([job, { permissions: given }]) => [name, job, given])
    expect(wider).toEqual(
      name === 'release.yml'
        ? [['release.yml', 'publish', { contents: 'read', 'id-token': 'write' }]]
        : [],
    )
  })

  it('a release is published with provenance and without a token, after everything was run', () => {
    const steps = read('release.yml').jobs.publish?.steps.flatMap(({ run }) => run ?? []) ?? []
    expect(textOf('release.yml')).not.toMatch(/secrets\.|NODE_AUTH_TOKEN|NPM_TOKEN/)
    expect(steps.at(-1)).toBe('npm publish --provenance --access public')
    expect(steps).toContain('.ci/run')
  })

  it('the suite is run on every Node.js that is supported', () => {
    expect(textOf('ci.yml')).toMatch(/node-version: 20\n/)
    expect(textOf('ci.yml')).toContain('node: [22, 24, 26]')
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

  it('has the newest version first, and none that is newer than the package', () => {
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
