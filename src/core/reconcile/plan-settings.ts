import { isStale, KEY_SETTINGS, type KeySetting } from '../records/key-settings.js'
import type { DistributionRecord } from '../records/model.js'
import { stepIf, type Stage, type Step } from './step.js'

/** The step that changes each setting of a KMS key. */
const SETTING_STEP = {
  tags: 'tag',
  description: 'set-description',
  policy: 'set-policy',
} as const satisfies Readonly<Record<KeySetting, Step['action']>>

/**
 * PURE: returns the steps that change each setting of a KMS key whose value may differ from the
 * distribution's.
 */
export function planSettings(distribution: DistributionRecord): Stage[] {
  return KEY_SETTINGS.map((setting) =>
    stepIf(distribution, SETTING_STEP[setting], (entry) => isStale(entry, setting)),
  )
}

/** True if the step changes a setting of a KMS key. */
export function isSettingStep({ action }: Step): boolean {
  return Object.values<Step['action']>(SETTING_STEP).includes(action)
}
