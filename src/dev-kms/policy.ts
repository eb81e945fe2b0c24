import { callerArn, type Place } from './arn.js'
import { AwsError } from './errors.js'
import { conditionHolds, unknownCondition } from './policy-conditions.js'
import { asList, matches, readStatements, type Statement } from './policy-document.js'

/** One permission that a request needs. */
export interface Permission {
  /** For example `kms:CreateKey`. */
  readonly action: string
  /** The ARN of a key or an alias, or `*` for actions without a resource. */
  readonly resource: string
  readonly region: Place
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
      const applicable = statements.filter((statement) => applies(statement, permission))
      const unknown = applicable
        .map(({ Condition }) => unknownCondition(Condition))
        .find((problem) => problem !== undefined)
      if (unknown !== undefined)
        throw denied(permission, `of a condition that the embedded KMS does not know: ${unknown}`)
      const met = applicable.filter(({ Condition }) => conditionHolds(Condition, permission.values))
      if (met.some(({ Effect }) => Effect === 'Deny')) throw denied(permission)
      if (met.length === 0)
        throw denied(permission, `no identity-based policy allows the ${permission.action} action`)
    },
  }
}

function applies(
  { Action, NotAction, Resource, NotResource }: Statement,
  { action, resource }: Permission,
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
