import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { writeProgram } from '../support/ci-recipes.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { runToEnd } from '../support/run-to-end.js'

// The recipes of docs/recipes.md that pass a KMS key to another tool, as that tool runs them.

const PAGE = readFileSync('docs/recipes.md', 'utf8')
const PATH_OF_KEY = 'keymgmt/kms/example-kms/key/app'

let folder: string
let testbed: Testbed
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keymgmt-recipes-'))
  testbed = await createTestbed()
  symlinkSync(resolve('bin/keymgmt.js'), join(folder, 'keymgmt'))
  writeProgram(join(folder, 'npx'), '#!/bin/sh\nshift\nexec keymgmt "$@"\n')
  await testbed.ok('write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1')
  await testbed.ok('write keymgmt/key/app type=aes256-gcm96 replica_regions=eu-west-1')
  await testbed.ok(`write ${PATH_OF_KEY} purpose=encrypt,decrypt`)
  await testbed.ok('write -f keymgmt/key/app/rotate')
})
afterAll(async () => {
  await testbed.close()
  rmSync(folder, { recursive: true, force: true })
})

const environment = (others: Readonly<Record<string, string>> = {}) => ({
  PATH: `${folder}:${process.env.PATH ?? ''}`,
  HOME: testbed.home,
  KEYMGMT_HOME: join(testbed.home, 'keymgmt'),
  ...others,
})

/** The ARN and the alias, from AWS. */
async function fromAws() {
  const name = (await testbed.ok(`read -field=name ${PATH_OF_KEY}`)).trim()
  const alias = `alias/hashicorp/${name}`
  const region = testbed.kms.account.region('us-west-1')
  const arn = [...region.keys.values()].find(({ id }) => id === region.aliases.get(alias)?.target)
  return { alias, arn: arn?.arn }
}

describe('the external data source of Terraform', () => {
  const [, program = ''] = /program = \["sh", "-euc", <<-EOT\n([^]*?)^ *EOT$/m.exec(PAGE) ?? []
  const run = (env: Readonly<Record<string, string>> = {}) =>
    runToEnd('sh', ['-euc', program], { env: environment(env), cwd: folder })

  it('prints an object of strings', async () => {
    const { status, output } = await run()
    expect([status, JSON.parse(output)]).toEqual([0, await fromAws()])
  })

  it('has nothing that Terraform would replace', () => {
    expect(program).not.toBe('')
    expect(program).not.toMatch(/[$%]\{/)
  })

  it('prints the same if the user prefers another format', async () => {
    expect(await run({ KEYMGMT_FORMAT: 'yaml' })).toEqual(await run())
  })

  it('fails with the reason if there is no store', async () => {
    const { status, output } = await run({ KEYMGMT_HOME: join(folder, 'none') })
    expect(status).not.toBe(0)
    expect(output).toContain('No value found at')
  })
})

describe('the outputs of a GitHub Actions job', () => {
  const [, yaml = ''] = /^```yaml\n(jobs:\n[^]*?)^```$/m.exec(PAGE) ?? []
  const { jobs } = parse(yaml) as {
    readonly jobs: {
      readonly keys: {
        readonly outputs: Readonly<Record<string, string>>
        readonly steps: readonly { readonly id: string; readonly run: string }[]
      }
    }
  }
  const [step] = jobs.keys.steps
  const file = () => join(folder, 'output')
  const run = (env: Readonly<Record<string, string>> = {}) =>
    runToEnd('bash', ['-e', '-c', step?.run ?? ''], {
      env: environment({ GITHUB_OUTPUT: file(), ...env }),
      cwd: folder,
    })

  it('are the ARN and the alias', async () => {
    expect(await run()).toMatchObject({ status: 0 })
    const { arn, alias } = await fromAws()
    expect(readFileSync(file(), 'utf8')).toBe(`arn=${arn}\nalias=${alias}\n`)
    expect(jobs.keys.outputs).toEqual({
      arn: `\${{ steps.${step?.id}.outputs.arn }}`,
      alias: `\${{ steps.${step?.id}.outputs.alias }}`,
    })
  })

  it('are not written if a command fails', async () => {
    rmSync(file(), { force: true })
    expect((await run({ KEYMGMT_HOME: join(folder, 'none') })).status).not.toBe(0)
    expect(() => readFileSync(file())).toThrow('ENOENT')
  })
})

describe('read of a distribution', () => {
  const read = async () =>
    (
      JSON.parse(await testbed.ok(`read -format=json ${PATH_OF_KEY}`)) as {
        data: Readonly<Record<string, unknown>> & {
          readonly kms_keys: readonly Readonly<Record<string, string | number>>[]
          readonly versions: Readonly<Record<string, string>>
          readonly as_of: string
        }
      }
    ).data

  it('has every KMS key with its state, and the ids of Vault', async () => {
    await testbed.ok(`write -f ${PATH_OF_KEY}/replicate`)
    await testbed.ok('write keymgmt/key/app min_enabled_version=2')
    const sent = testbed.requests.length
    const data = await read()
    expect(testbed.requests).toHaveLength(sent)
    expect(data).toMatchObject({
      ...(await fromAws()),
      state: 'active',
      regions: ['us-west-1', 'eu-west-1'],
    })
    const [first = '', second = ''] = [data.versions[1], data.versions[2]]
    const arn = (region: string, id: string) => `arn:aws:kms:${region}:111122223333:key/${id}`
    const entry = (version: number, region: string, id: string, state: string) => ({
      version,
      region,
      kms_key: id,
      arn: arn(region, id),
      state,
    })
    expect(data.kms_keys).toEqual([
      entry(1, 'us-west-1', first, 'disabled'),
      entry(1, 'eu-west-1', first, 'disabled'),
      entry(2, 'us-west-1', second, 'enabled'),
      entry(2, 'eu-west-1', second, 'enabled'),
    ])
  })

  it('has the time of the last change on record', async () => {
    const before = await read()
    expect(Date.now() - Date.parse(before.as_of)).toBeLessThan(60_000)
    await testbed.ok(`read ${PATH_OF_KEY}/verify`).catch(() => undefined)
    expect((await read()).as_of).toBe(before.as_of)
    await testbed.ok(`write -f ${PATH_OF_KEY}/revoke`)
    const after = await read()
    expect(after.as_of > before.as_of).toBe(true)
    expect(after.kms_keys.map(({ state }) => state)).toEqual(
      after.kms_keys.map(() => 'pending-import'),
    )
    await testbed.ok(`delete ${PATH_OF_KEY} deletion_window=7`)
    const removed = await read()
    expect(removed).toMatchObject({ state: 'removed', deletion_date: expect.any(String) })
    expect(removed.kms_keys.filter(({ state }) => state !== 'pending-deletion')).toEqual([])
  })
})
