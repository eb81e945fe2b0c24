import { expect, it } from '@jest/globals'
import { aliasPattern } from '../../../src/core/aliases.js'

const SINCE = new Date(1_700_000_000_900)

it.each([
  ['alias/hashicorp/app-1699999999', 'alias/hashicorp/app-1699999999'],
  ['alias/hashicorp/app-1700000000', 'alias/hashicorp/app-??????????'],
  ['alias/hashicorp/app-1700000007/v12', 'alias/hashicorp/app-??????????/v12'],
  ['alias/hashicorp/app-1700000007-1699999999', 'alias/hashicorp/app-1700000007-1699999999'],
  ['alias/hashicorp/app-1700000007-1700000001', 'alias/hashicorp/app-1700000007-??????????'],
])('%s is %s', (alias, pattern) => {
  expect(aliasPattern(alias, SINCE)).toBe(pattern)
})
