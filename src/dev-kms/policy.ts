import { callerArn, type Place } from './arn.js'
import { AwsError } from './errors.js'
import { conditionHolds, KMS_CONDITION_KEYS, unknownCondition } from './policy-conditions.js'
import { asList, matches, readStatements, type Statement } from './policy-document.js'

/** One permission that a request needs. */
export interface Permission extends Wanted {
  readonly region: Place
}

/** A request, as policies see it. */
export interface Wanted {
  /** For example `kms:CreateKey`. */
  readonly action: string
  /** The ARN of a key or an alias, or `*` for actions without a resource. */
  readonly resource: string
  /** Values by condition key in lower case. */
  readonly values: ReadonlyMap<string, readonly string[]>
}

/** The IAM policy of one access key id. */
export interface IamPolicy {
  /** @throws AwsError AccessDeniedException, in AWS's words, if the policy does not allow it */
  assertAllows(permission: Permission): void
}

/**
 * Reads an identity-based IAM policy. An unknown condition is accepted, but a request that depends
 * on it is denied with an error that names it.
 * @throws Error if the document violates IAM's grammar
 */
export function readIamPolicy(document: unknown): IamPolicy {
  const statements = readStatements(document)
  return {
    assertAllows(permission) {
      const decision = decide(statements, permission, KMS_CONDITION_KEYS)
      if (typeof decision === 'object')
        throw denied(
          permission,
          `of a condition that the embedded KMS does not know: ${decision.unknown}`,
        )
      if (decision === 'Deny') throw denied(permission)
      if (decision === undefined)
        throw denied(permission, `no identity-based policy allows the ${permission.action} action`)
    },
  }
}

/**
 * PURE: the effect of the statements on a request, as AWS decides: a denial outweighs all else, and
 * undefined means that none applies. Names a condition on which it depends, if `conditionKeys` or
 * the supported operators lack it.
 */
export function decide(
  statements: readonly Statement[],
  wanted: Wanted,
  conditionKeys: readonly string[],
): Statement['Effect'] | { readonly unknown: string } | undefined {
  const applicable = statements.filter((statement) => applies(statement, wanted))
  const unknown = applicable
    .map(({ Condition }) => unknownCondition(Condition, conditionKeys))
    .find((problem) => problem !== undefined)
  if (unknown !== undefined) return { unknown }
  const met = applicable.filter(({ Condition }) => conditionHolds(Condition, wanted.values))
  return met.find(({ Effect }) => Effect === 'Deny')?.Effect ?? met[0]?.Effect
}

function applies(
  { Action, NotAction, Resource, NotResource }: Statement,
  { action, resource }: Wanted,
): boolean {
  const acts = (patterns: readonly string[]) =>
    patterns.some((pattern) => matches(pattern, action, 'i'))
  // Only `*` matches an action without a resource.
  const covers = (patterns: readonly string[]) =>
    patterns.some((pattern) => (resource === '*' ? pattern === '*' : matches(pattern, resource)))
  const rightAction = Action === undefined ? !acts(asList(NotAction)) : acts(asList(Action))
  return (
    rightAction &&
    (Resource === undefined ? !covers(asList(NotResource)) : covers(asList(Resource)))
  )
}

function denied({ action, resource, region }: Permission, because?: string): AwsError {
  const where = resource === '*' ? '' : ` on resource: ${resource}`
  const why =
    because === undefined
      ? 'with an explicit deny in an identity-based policy'
      : `because ${because}`
  return new AwsError(
    'AccessDeniedException',
    `User: ${callerArn(region)} is not authorized to perform: ${action}${where} ${why}`,
  )
}
