import { describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { loadFormat } from '../../../src/cli/output/index.js'

// Vault's own vectors are in test/vectors/formats.json and flags.json.

const answer = {
  requestId: () => 'e8147c9e-a3fd-71b6-075e-8f2d67393127',
  data: { name: 'a<b>&\u2028', versions: { 10: 'x', 2: 'y' }, empty: [], nothing: {} },
  warnings: [],
}
const plain = { escapeControls: false }

const PEM = `-----BEGIN PUBLIC KEY-----\n${'A'.repeat(64)}\n-----END PUBLIC KEY-----\n`
const ID = 'mrk-77e36fb5543b889d931550058e036d5f'
const at = (columns: number) => ({ escapeControls: true, columns })

describe("on a terminal that is too narrow for Vault's table", () => {
  const key = {
    ...answer,
    data: {
      name: 'web',
      regions: ['us-west-1', 'eu-west-1'],
      none: [],
      versions: { 1: { creation_time: '2026-11-24T11:41:17.039Z', public_key: PEM }, 2: ID },
    },
  }
  const rows = [
    { Region: 'us-west-1', Version: '1', 'KMS key': ID, State: 'enabled', Material: 'proven' },
    { Region: 'eu-west-1', Version: '1', 'KMS key': ID, State: '', Material: 'other material' },
  ]

  it('a nested value is shown below its name, and no line is broken', async () => {
    const text = (await loadFormat('table')).secret(key, at(80))
    expect(text).toBe(
      [
        'Key     Value',
        '---     -----',
        'name    web',
        'none    []',
        'regions',
        '  us-west-1',
        '  eu-west-1',
        'versions',
        '  1',
        '    creation_time    2026-11-24T11:41:17.039Z',
        '    public_key',
        ...PEM.trimEnd()
          .split('\n')
          .map((line) => `      ${line}`),
        `  2    ${ID}`,
      ].join('\n'),
    )
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  const ARN = `arn:aws:kms:us-west-1:111122223333:key/${ID}`
  const distribution = {
    ...answer,
    data: {
      arn: ARN,
      distribution_time: '2026-11-24T11:41:17.039Z',
      kms_keys: [
        { version: 1, region: 'us-west-1', arn: ARN, state: 'enabled' },
        { version: 2, region: 'us-west-1', arn: null, state: 'creating', note: 'x' },
      ],
    },
  }

  it('a long value is shown below its name, and each map of a list in a block', async () => {
    const text = (await loadFormat('table')).secret(distribution, at(80))
    expect(text).toBe(
      [
        'Key                  Value',
        '---                  -----',
        'distribution_time    2026-11-24T11:41:17.039Z',
        'arn',
        `  ${ARN}`,
        'kms_keys',
        '  version    1',
        '  region     us-west-1',
        '  state      enabled',
        '  arn',
        `    ${ARN}`,
        '',
        '  version    2',
        '  region     us-west-1',
        '  arn        <nil>',
        '  state      creating',
        '  note       x',
      ].join('\n'),
    )
  })

  it('a list of maps becomes a table on a wide terminal', async () => {
    const { secret } = await loadFormat('table')
    expect(secret(distribution, at(128)).split('\n').slice(4)).toEqual([
      'kms_keys',
      `  version    region       ${'arn'.padEnd(ARN.length)}    state       note`,
      `  -------    ------       ${'---'.padEnd(ARN.length)}    -----       ----`,
      `  1          us-west-1    ${ARN}    enabled     n/a`,
      `  2          us-west-1    ${'<nil>'.padEnd(ARN.length)}    creating    x`,
    ])
  })

  it("a table that fits, or goes to a pipe, has Vault's form", async () => {
    const { secret } = await loadFormat('table')
    const short = { ...answer, data: { name: 'web', versions: { 1: ID } } }
    expect(secret(short, at(80))).toBe(secret(short, plain))
    expect(secret(key, plain)).toContain('map[1:map[creation_time:')
  })

  it('columns move closer, and then become blocks', async () => {
    const { secret } = await loadFormat('table')
    const answered = { ...answer, rows }
    expect(secret(answered, at(120))).toBe(secret(answered, plain))
    expect(secret(answered, at(82)).split('\n')[2]).toBe(
      `us-west-1  1        ${ID}  enabled  proven`,
    )
    expect(secret(answered, at(60))).toBe(
      [
        'Region      us-west-1',
        'Version     1',
        `KMS key     ${ID}`,
        'State       enabled',
        'Material    proven',
        '',
        'Region      eu-west-1',
        'Version     1',
        `KMS key     ${ID}`,
        'Material    other material',
      ].join('\n'),
    )
  })
})

it('JSON and YAML contain the same', async () => {
  const [json, yaml] = [await loadFormat('json'), await loadFormat('yaml')]
  expect(parse(yaml.secret(answer, plain), { version: '1.1' })).toEqual(
    JSON.parse(json.secret(answer, plain)),
  )
})

it('shows control characters escaped, on a terminal only', async () => {
  const table = await loadFormat('table')
  const red = { ...answer, data: { a: '\u001b[31mred' } }
  expect(table.secret(red, { escapeControls: true })).toContain('\\x1b[31mred')
  expect(table.secret(red, plain)).toContain('\u001b[31mred')
})
