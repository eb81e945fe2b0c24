import { describe, expect, it } from '@jest/globals'
import { compareTags } from '../../../src/core/reconcile/compare-settings.js'
import { KEY_TAG, OPERATION_TAG } from '../../../src/kms/kms-key.js'

const OURS = { [KEY_TAG]: 'app' }

describe('the tags of a KMS key', () => {
  it('differ by every tag that the user did not set, once the user has set tags', () => {
    const found = { ...OURS, team: 'a' }
    expect(compareTags({}, OURS, found)).toEqual([])
    expect(compareTags({ tags: {} }, OURS, found)).toMatchObject([{ found: 'added: team' }])
  })

  it('may name the operation that created it, which a snapshot can lack', () => {
    expect(compareTags({ tags: {} }, OURS, { ...OURS, [OPERATION_TAG]: '1' })).toEqual([])
  })
})
