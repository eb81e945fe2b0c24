import { describe, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { DIVERGENCES, type Divergence } from '../../conformance/emulators/divergences.js'
import { divergenceTable, judge, strayRows } from '../../conformance/emulators/verdict.js'

const ROW: Divergence = {
  target: 't',
  operation: 'Op',
  checks: /^a: /,
  seen: 'not refused',
  does: 'does it',
  aws: 'refuses it',
  source: 's',
}
const kindOf = (check: string, failure?: string) => judge({ check, failure }, [ROW]).kind

describe('a check', () => {
  it('that fails as a row predicts is a divergence', () => {
    expect(kindOf('a: x', 'it was not refused')).toBe('diverges')
  })
  it('that fails differently is a failure', () => {
    expect(kindOf('a: x', 'something else')).toBe('failed')
  })
  it('that fails without a row is a failure', () => {
    expect(kindOf('b: x', 'it was not refused')).toBe('failed')
  })
  it('that passes although a row predicts a failure is a failure', () => {
    expect(kindOf('a: x')).toBe('failed')
  })
  it('that passes is a success', () => {
    expect(kindOf('b: x')).toBe('held')
  })
})

it('a row without a check is a failure', () => {
  expect(strayRows([ROW], [{ check: 'b: x', kind: 'held', why: '' }])).toMatchObject([
    { kind: 'failed' },
  ])
  expect(strayRows([ROW], [{ check: 'a: x', kind: 'diverges', why: '' }])).toEqual([])
})

it('docs/conformance.md has the generated table (node dist/test/conformance/emulators/run.js --docs)', () => {
  expect(readFileSync('docs/conformance.md', 'utf8')).toContain(divergenceTable(DIVERGENCES))
})
