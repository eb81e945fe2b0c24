import { createdKmsKeys } from '../records/kms-keys.js'
import type { CreatedKmsKey, DistributionRecord, KmsKeyPlace } from '../records/model.js'

/** The fields of each step: the place of a KMS key, or an alias in a Region. */
interface StepFields {
  readonly create: KmsKeyPlace
  readonly replicate: KmsKeyPlace
  readonly import: KmsKeyPlace
  /** Imports material again that the KMS key has, with a new expiry. */
  readonly renew: KmsKeyPlace
  readonly rotate: KmsKeyPlace
  /** Moves the primary from `region` to another Region. */
  readonly 'move-primary': KmsKeyPlace & { readonly to: string }
  readonly tag: KmsKeyPlace
  readonly 'set-description': KmsKeyPlace
  readonly 'set-policy': KmsKeyPlace
  readonly enable: KmsKeyPlace
  readonly disable: KmsKeyPlace
  readonly 'delete-material': KmsKeyPlace
  readonly 'schedule-deletion': KmsKeyPlace & { readonly days?: number }
  readonly 'cancel-deletion': KmsKeyPlace
  readonly 'point-alias': KmsKeyPlace & { readonly alias: string }
  readonly 'remove-alias': { readonly region: string; readonly alias: string }
}

type StepAction = keyof StepFields

/** One step of an action. */
export type StepOf<Action extends StepAction> = {
  readonly action: Action
} & StepFields[Action]

/** One change in the KMS: to the KMS key of one version in one Region, or to an alias there. */
export type Step = { readonly [Action in StepAction]: StepOf<Action> }[StepAction]

/** Steps that run one after the other. */
export type Chain = readonly Step[]

/** Chains that may run in parallel. */
export type Stage = readonly Chain[]

/** Stages that run one after the other. */
export type Plan = readonly Stage[]

/** The actions on a KMS key that exists. */
type ExistingKeyAction = Exclude<
  StepAction,
  | 'create'
  | 'replicate'
  | 'import'
  | 'renew'
  | 'rotate'
  | 'move-primary'
  | 'point-alias'
  | 'remove-alias'
>

/** Returns a step for each created KMS key that `applies` accepts. */
export function stepIf(
  distribution: DistributionRecord,
  action: ExistingKeyAction,
  applies: (entry: CreatedKmsKey) => boolean,
): Stage {
  return createdKmsKeys(distribution)
    .filter(applies)
    .map(({ version, region }): Chain => [{ action, version, region }])
}

/** True if the deletion of the KMS key is scheduled. */
export const isScheduled = ({ deletion }: CreatedKmsKey) => deletion !== undefined
