import assert from 'node:assert/strict'
import { KILLED, killEverywhere } from '../../../support/kills-on-s3.js'
import type { CheckGroup } from '../suite.js'
import type { S3Place } from './place.js'

/** The real binary, killed at each request to its store. */
export const KILLS: CheckGroup<S3Place> = {
  name: 'kills',
  checks: ({ endpoint, urlAt }) => [
    {
      name: 'after a kill at any request of a rotation, the same command finishes it',
      run: async () => {
        const { problems } = await killEverywhere({ endpoint, urlAt }, KILLED.rotate)
        assert.deepEqual(problems, [])
      },
    },
  ],
}
