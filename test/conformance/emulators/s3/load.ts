import assert from 'node:assert/strict'
import { runLoad } from '../../../load/load.js'
import type { CheckGroup } from '../suite.js'
import type { S3Place } from './place.js'

/** Sixteen writers on one store, while leases run out and replies fail, are slow or get lost. */
export const LOAD: CheckGroup<S3Place> = {
  name: 'load',
  checks: ({ endpoint, urlAt }) => [
    {
      name: 'no update is lost, and no version exists twice or is missing',
      run: async () => {
        const { problems } = await runLoad(endpoint, (other) => urlAt(other, 'load'), {
          appends: 5,
          rotations: 2,
          faults: { share: 0.08, slowMs: 600 },
        })
        assert.deepEqual(problems, [])
      },
    },
  ],
}
