import type { Engine } from '../engine.js'
import { lostNextStep } from '../reconcile/compare.js'
import { skippedMoves, skippedReplicas, type SkippedStep } from '../reconcile/skipped.js'
import { addCommand } from '../records/dropped-regions.js'
import { kmsKeyAt } from '../records/kms-keys.js'
import type { KeyRecord, KmsKeyPlace } from '../records/model.js'
import { misplacedPrimaries } from '../records/primary-regions.js'
import type { NamedDistribution } from '../records/repository.js'

/** Sentences about a step that AWS does not take for a disabled KMS key. */
const ABOUT: Readonly<Record<SkippedStep['action'], { done: string; why: string; to: string }>> = {
  replicate: {
    done: 'was not replicated',
    why: 'AWS replicates only enabled KMS keys',
    to: 'to replicate it',
  },
  'move-primary': {
    done: 'its primary was not moved',
    why: 'AWS moves only the primaries of enabled KMS keys',
    to: 'to move it',
  },
}

/** Reports the replicas that are not created because their versions are disabled. */
export function reportSkippedReplicas(
  engine: Engine,
  key: KeyRecord,
  named: NamedDistribution,
): void {
  const places = skippedReplicas(key, named.distribution.current)
  reportDisabled(engine, key, named, 'replicate', places)
}

/**
 * Reports the primaries that are not moved, because their versions are disabled, or because AWS no
 * longer has the replica there.
 */
export function reportSkippedMoves(engine: Engine, key: KeyRecord, named: NamedDistribution): void {
  const { current } = named.distribution
  reportDisabled(engine, key, named, 'move-primary', skippedMoves(key, current))
  for (const { entry, to } of misplacedPrimaries(current)) {
    const { version, region } = entry
    if (kmsKeyAt(current, version, to)?.state !== 'lost') continue
    engine.outcome({
      provider: named.providerName,
      region,
      version,
      action: 'move-primary',
      state: 'lost',
      reason: `AWS no longer has the replica of KMS key ${entry.key.id} in ${to}`,
      nextStep: lostNextStep(key.name),
    })
  }
}

function reportDisabled(
  engine: Engine,
  { name }: KeyRecord,
  { providerName }: NamedDistribution,
  action: SkippedStep['action'],
  places: readonly KmsKeyPlace[],
): void {
  const { done, why, to } = ABOUT[action]
  for (const { version, region } of places)
    engine.outcome({
      provider: providerName,
      version,
      region,
      action,
      state: 'skipped',
      reason: `the version is disabled, and ${why}`,
      nextStep: `${to}: keymgmt write keymgmt/key/${name} min_enabled_version=${version}`,
    })
  const versions = [...new Set(places.map(({ version }) => version))].join(', ')
  if (versions !== '')
    engine.notice(
      `Version ${versions} of ${name} is disabled and ${done} in ${providerName}: ${why}`,
    )
}

/** Reports the Regions that the command skips because the user dropped them. */
export function reportDropped(
  engine: Engine,
  key: string,
  { providerName, distribution }: NamedDistribution,
): void {
  for (const region of distribution.current.droppedRegions ?? []) {
    const nextStep = addCommand(providerName, key, region)
    engine.notice(`Skipped ${region}, which was dropped. To add it again: ${nextStep}`)
    const reason = 'the Region was dropped'
    engine.outcome({
      provider: providerName,
      region,
      action: 'replicate',
      state: 'skipped',
      reason,
      nextStep,
    })
  }
}
