import { expect, it } from '@jest/globals'
import { describeCredentialsSource } from '../../../src/paths/credentials-source.js'

const ROLE = 'arn:aws:iam::111122223333:role/r'

it.each([
  [{ source: 'access-key' }, 'stored access key'],
  [{ source: 'profile', profile: 'p' }, 'profile p'],
  [{ source: 'chain' }, 'environment, shared files or role of the machine'],
  [
    { source: 'role', roleArn: ROLE, assumedWith: { source: 'profile', profile: 'p' } },
    `role ${ROLE}, assumed with profile p`,
  ],
] as const)('describes %j', (source, words) => {
  expect(describeCredentialsSource(source)).toBe(words)
})
