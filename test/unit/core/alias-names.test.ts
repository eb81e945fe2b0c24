import { expect, it } from '@jest/globals'
import { aliasPattern } from '../../../src/core/records/alias-names.js'

it.each([
  ['alias/hashicorp/app-1699999999', 'alias/hashicorp/app-1699999999'],
  ['alias/hashicorp/app-1699999999/v12', 'alias/hashicorp/app-1699999999/v12'],
  ['alias/hashicorp/a_b-1699999999', 'alias/hashicorp/a_b-1699999999'],
  ['alias/hashicorp/app-1700000000', 'alias/hashicorp/app-??????????'],
  ['alias/hashicorp/app-1700000000/v12', 'alias/hashicorp/app-??????????/v12'],
  ['alias/hashicorp/app-1699999999-1700000000', 'alias/hashicorp/app-1699999999-??????????'],
])('%s is %s', (alias, pattern) => {
  expect(aliasPattern(alias, ['app-1699999999', 'a.b-1699999999'])).toBe(pattern)
})
