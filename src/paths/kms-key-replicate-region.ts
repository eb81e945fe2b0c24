import type { Engine } from '../core/engine.js'
import type { ScheduledDeletion } from '../core/operations/remove.js'
import { definePath } from '../router/path.js'
import { DELETION_WINDOW_FIELD } from './deletion-window.js'
import { describeLastUse } from './last-use.js'

/** DELETE keymgmt/kms/:name/key/:key/replicate/:region */
export const kmsKeyReplicateRegion = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/replicate/:region',
  synopsis: 'One replica Region of a distributed key.',
  description: [
    "Drops a Region: deletes the alias there, and schedules the replicas for deletion. Later rotations and replicate skip the Region, unless regions= names it. The Region of the provider can't be dropped.",
    '    keymgmt delete keymgmt/kms/example-kms/key/app/replicate/eu-west-1',
    'Until the deletion date, restore brings the replicas back. After that date, replicate regions=REGION creates new replicas with the same material, which decrypt ciphertext of the other Regions.',
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/restore',
    '    keymgmt write keymgmt/kms/example-kms/key/app/replicate regions=eu-west-1',
    'If the Region has replicas, keymgmt first checks that nobody has moved a primary there, which needs kms:DescribeKey. A Region that has a primary is refused.',
  ].join('\n\n'),
  parameters: {
    name: 'Name of the provider.',
    key: 'Name of the key.',
    region: 'AWS Region, one of the replica_regions of the key.',
  },
  operations: {
    delete: {
      summary: 'Drops a Region, and schedules its replicas for deletion.',
      fields: { deletion_window: DELETION_WINDOW_FIELD },
      run: async (engine, { name, key, region }, { deletion_window }) => {
        const { dropRegion } = await import('../core/operations/drop-region.js')
        const scheduled = await dropRegion(engine, name, key, region, deletion_window)
        return scheduled.length > 0
          ? {
              observed: describeLastUse(scheduled),
              warnings: explainDropped(scheduled, region, `keymgmt/kms/${name}/key/${key}`),
            }
          : undefined
      },
    },
  },
})

function explainDropped(
  scheduled: readonly ScheduledDeletion[],
  region: string,
  path: string,
): string[] {
  const ids = scheduled.map(({ kmsKeyId }) => kmsKeyId).join(', ')
  const [first] = scheduled.flatMap(({ date }) => date ?? []).sort()
  const when = first === undefined ? '' : `, the first on ${first}`
  return [
    `AWS will delete these replicas in ${region}${when}: ${ids}.`,
    `Until then, restore them with: keymgmt write -f ${path}/restore`,
  ]
}
