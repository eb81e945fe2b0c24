import type { KmsKind } from './provider.js'

/** The kinds of KMS that a provider can be. */
export const KMS_KINDS = ['awskms'] as const
/** The name of a kind of KMS. */
export type KmsKindName = (typeof KMS_KINDS)[number]

/** Every kind of KMS. The compiler reports a missing one. */
export type KmsKinds = Readonly<Record<KmsKindName, KmsKind>>
