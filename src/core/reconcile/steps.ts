import { DELETION_WINDOW } from '../records/deletion-window.js'
import type { KmsKey } from '../../kms/kms-key.js'
import { requireKmsKey, withDeletion, withImported } from '../records/kms-keys.js'
import { withoutStale, type KeySetting } from '../records/key-settings.js'
import { without, type CreatedKmsKey, type KmsKeyPlace } from '../records/model.js'
import { pointAlias, removeAlias } from './aliases.js'
import { unwantedTags } from './compare-settings.js'
import { descriptionFor, tagsFor, updateKmsKey, type ReconcileContext } from './context.js'
import { createPrimary, createReplica } from './create.js'
import { deleteMaterial, futureExpiry, importMaterial } from './materials.js'
import { movePrimary } from './move-primary.js'
import { rotateToMaterial } from './new-material.js'
import type { Step, StepOf } from './plan.js'

/** Takes a step and records it. @throws KeymgmtError of the KMS or the store. */
export async function takeStep(context: ReconcileContext, step: Step): Promise<void> {
  // The cast is safe: the table's key is the step's action, which TypeScript does not relate to the
  // step's type.
  const take = STEPS[step.action] as (context: ReconcileContext, step: Step) => Promise<void>
  await take(context, step)
}

/** Returns a step in words, for the progress line. */
export function describeStep({ key }: ReconcileContext, step: Step): string {
  const subject = 'alias' in step ? step.alias : `${key.name} version ${step.version}`
  const target = 'to' in step ? ` to ${step.to}` : ''
  return `${step.action.replaceAll('-', ' ')}: ${subject} in ${step.region}${target}`
}

const STEPS: {
  readonly [Action in Step['action']]: (
    context: ReconcileContext,
    step: StepOf<Action>,
  ) => Promise<void>
} = {
  // Don't create a KMS key that can't get its material.
  create: async (context, step) => {
    futureExpiry(context, step)
    await createPrimary(context, step)
  },

  replicate: async (context, step) => {
    futureExpiry(context, step)
    await createReplica(context, step)
  },

  import: importMaterial,

  rotate: rotateToMaterial,

  renew: importMaterial,

  'move-primary': movePrimary,

  'delete-material': deleteMaterial,

  tag: changeSetting('tags', async (context, { version, region, key, operationId }) => {
    const { provider, distribution } = context
    const wanted = await tagsFor(context, version, operationId)
    // First make room: AWS limits the number of tags.
    if (distribution.current.tags !== undefined) {
      const others = unwantedTags(wanted, await provider.tagsOf(region, key))
      if (others.length > 0) await provider.untag(region, key, others)
    }
    await provider.tag(region, key, wanted)
  }),

  'set-description': changeSetting('description', async (context, { version, region, key }) => {
    await context.provider.setDescription(region, key, descriptionFor(context, version))
  }),

  'set-policy': changeSetting('policy', async ({ provider, distribution }, { region, key }) => {
    const { policy } = distribution.current
    if (policy) await provider.putPolicy(region, key, policy)
  }),

  enable: async (context, step) => {
    await context.provider.enable(step.region, kmsKeyAt(context, step))
    await updateKmsKey(context, step, (entry) => ({ ...entry, enabled: true }))
  },

  disable: async (context, step) => {
    const kmsKey = kmsKeyAt(context, step)
    const isDisabled = await context.provider.disable(step.region, kmsKey).then(
      () => true,
      async (error: unknown) => {
        if (!(await isRevokedWithoutMaterial(context, step.region, kmsKey))) throw error
        return false
      },
    )
    await updateKmsKey(context, step, (entry) =>
      isDisabled ? { ...entry, enabled: false } : without(entry, 'enabled'),
    )
  },

  'point-alias': pointAlias,

  'remove-alias': removeAlias,

  'schedule-deletion': async (context, step) => {
    const { removalWindow, deletionWindow } = context.distribution.current
    const days = step.days ?? removalWindow ?? deletionWindow ?? DELETION_WINDOW.default
    const kmsKey = kmsKeyAt(context, step)
    const date = await context.provider.scheduleDeletion(step.region, kmsKey, days)
    await updateKmsKey(context, step, (entry) => withDeletion(entry, date))
  },

  'cancel-deletion': async (context, step) => {
    const kmsKey = kmsKeyAt(context, step)
    await context.provider.cancelDeletion(step.region, kmsKey)
    // AWS leaves it disabled, or without material, which it has hidden until now. If it can't be
    // looked at, the step is repeated: a KMS key must not keep material that was revoked.
    const state = (await context.provider.inspect(step.region, kmsKey))?.state
    await updateKmsKey(context, step, (entry) => {
      const rest = without(entry, 'deletion', 'enabled')
      if (state === 'pending-import') return withImported(rest, false)
      const isFilled = state === 'enabled' || state === 'disabled'
      return isFilled && isRevoked(context) ? withImported(rest, true) : rest
    })
  },
}

/** Returns the step that changes a setting of a KMS key, and removes its mark. */
function changeSetting(
  setting: KeySetting,
  change: (context: ReconcileContext, entry: CreatedKmsKey) => Promise<void>,
): (context: ReconcileContext, step: KmsKeyPlace) => Promise<void> {
  return async (context, step) => {
    await change(context, requireKmsKey(context.distribution, step))
    await updateKmsKey(context, step, (entry) => withoutStale(entry, setting))
  }
}

/** True if a revocation has nothing to disable: somebody else deleted the material. */
async function isRevokedWithoutMaterial(
  context: ReconcileContext,
  region: string,
  kmsKey: KmsKey,
): Promise<boolean> {
  if (!isRevoked(context)) return false
  const status = await context.provider.inspect(region, kmsKey).catch(() => undefined)
  return status?.state === 'pending-import'
}

function isRevoked({ distribution }: ReconcileContext): boolean {
  return distribution.current.state === 'revoked'
}

/** The KMS key that must be on record. @throws KeymgmtError STORE_CORRUPT */
function kmsKeyAt({ distribution }: ReconcileContext, place: KmsKeyPlace): KmsKey {
  return requireKmsKey(distribution, place).key
}
