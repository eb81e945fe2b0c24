import { KeymgmtError } from '../../errors.js'
import type { KeyPolicy } from '../kms-key.js'
import { accountIn, type KmsAccount } from '../provider.js'

/**
 * The longest key policy, in bytes.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
 */
const LONGEST_POLICY = 32_768

/** The characters that AWS accepts in a key policy. */
const POLICY_TEXT = /^[\t\n\r -\u00ff]*$/

/** The elements of a statement. AWS refuses any other. */
const ELEMENTS: readonly string[] = [
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
]

/** A statement of a key policy, as far as it was checked. */
type Statement = Readonly<Record<string, unknown>> & { readonly Effect: 'Allow' | 'Deny' }

/**
 * Returns AWS's default key policy, which lets the IAM policies of the KMS key's account decide.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
 */
export function defaultPolicy(keyArn: string): string {
  const account = accountIn(keyArn)
  return JSON.stringify({
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        ...rootStatement(account ? rootOf(account) : '*'),
      },
    ],
  })
}

function rootStatement(principal: string) {
  return { Effect: 'Allow', Principal: { AWS: principal }, Action: 'kms:*', Resource: '*' }
}

function rootOf({ account, partition }: KmsAccount): string {
  return `arn:${partition}:iam::${account}:root`
}

/**
 * PURE: checks the form of a key policy. An empty document is AWS's default.
 * @throws KeymgmtError FIELD_INVALID
 */
export function assertPolicyForm({ document }: KeyPolicy): void {
  if (document !== '') statementsIn(document)
}

/**
 * PURE: refuses a key policy that the root of the account could not change any more, or for which
 * that is not certain: an account that nobody can name, a denial with a condition.
 * @throws KeymgmtError FIELD_INVALID
 */
export function assertNoLockout({ document }: KeyPolicy, account: KmsAccount | undefined): void {
  if (!account)
    throw invalid("can't be checked, because the AWS account is unknown", [
      'allow kms:ListAliases, which shows the account',
      ACCEPT,
    ])
  const statements = statementsIn(document)
  const root = rootOf(account)
  if (!statements.some((statement) => allowsRoot(statement, account)))
    throw lockoutError(
      `no statement lets ${root} call kms:PutKeyPolicy without a condition`,
      `add this statement, with which the IAM policies of the account decide: ${JSON.stringify(rootStatement(root))}`,
    )
  const denial = statements.findIndex((statement) => mayDenyRoot(statement, account))
  if (denial >= 0)
    throw lockoutError(
      `statement ${denial + 1} may deny ${root} kms:PutKeyPolicy`,
      'remove that statement, or let it name single actions other than kms:PutKeyPolicy, or single users and roles, in Principal: of its conditions, only aws:SecureTransport is evaluated',
    )
}

const ACCEPT =
  'or, to accept that nobody may be able to change the policy any more: allow_lockout=true'

function lockoutError(problem: string, hint: string): KeymgmtError {
  return invalid(`could lock the account out: ${problem}`, [hint, ACCEPT])
}

/** The policy never appears in the error: it may have come from the wrong file. */
function invalid(problem: string, hints: readonly string[]): KeymgmtError {
  return new KeymgmtError('FIELD_INVALID', `policy ${problem}`, { hints })
}

/** @throws KeymgmtError FIELD_INVALID */
function statementsIn(document: string): readonly Statement[] {
  const bytes = Buffer.byteLength(document)
  if (bytes > LONGEST_POLICY)
    throw invalid(`has ${bytes} bytes`, ['AWS accepts at most 32,768 bytes'])
  if (!POLICY_TEXT.test(document))
    throw invalid('has a character that AWS does not accept', [
      'use characters from U+0020 to U+00FF, tabs and line ends',
    ])
  const parsed = parse(document)
  const found: unknown = isObject(parsed) ? parsed.Statement : undefined
  const statements: readonly unknown[] = Array.isArray(found) ? found : [found]
  if (statements.length > 0 && statements.every(isStatement)) return statements
  throw invalid('is not a key policy', [
    'use JSON such as {"Version":"2012-10-17","Statement":[…]}, whose statements have Effect, Principal, Action and Resource',
    'to read it from a file: policy=@policy.json',
  ])
}

function parse(document: string): unknown {
  try {
    return JSON.parse(document)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isStatement(value: unknown): value is Statement {
  return (
    isObject(value) &&
    Object.keys(value).every((name) => ELEMENTS.includes(name)) &&
    (value.Effect === 'Allow' || value.Effect === 'Deny') &&
    hasOne(value, 'Principal', 'NotPrincipal') &&
    hasOne(value, 'Action', 'NotAction')
  )
}

function hasOne(value: Readonly<Record<string, unknown>>, one: string, other: string): boolean {
  return (value[one] === undefined) !== (value[other] === undefined)
}

function allowsRoot(
  { Effect, Principal, Action, Resource, Condition }: Statement,
  account: KmsAccount,
): boolean {
  return (
    Effect === 'Allow' &&
    Condition === undefined &&
    awsPrincipals(Principal).some((principal) => isRoot(principal, account)) &&
    textsIn(Action).some(isPutKeyPolicy) &&
    // In a key policy, this is the KMS key itself.
    textsIn(Resource).includes('*')
  )
}

/**
 * In doubt, a statement denies: its resources are not evaluated, nor its conditions except the
 * usual one for requests without TLS, and principals of an unknown kind can stand for the root.
 */
function mayDenyRoot(
  { Effect, Principal, Action, NotAction, Condition }: Statement,
  account: KmsAccount,
): boolean {
  if (Effect !== 'Deny' || isOnlyWithoutTls(Condition)) return false
  const isCovered =
    Action === undefined
      ? !textsIn(NotAction).some(isPutKeyPolicy)
      : textsIn(Action).some(isPutKeyPolicy)
  const isAboutRoot =
    Principal === undefined ||
    hasUnknownKind(Principal) ||
    awsPrincipals(Principal).some(
      (principal) => isRoot(principal, account) || principal.includes('*'),
    )
  return isCovered && isAboutRoot
}

function hasUnknownKind(principal: unknown): boolean {
  const kinds = isObject(principal) ? Object.keys(principal) : []
  return kinds.some((kind) => !['AWS', 'Service', 'Federated'].includes(kind))
}

/** True if the statement applies only to requests without TLS: the root can send others. */
function isOnlyWithoutTls(condition: unknown): boolean {
  if (!isObject(condition)) return false
  return Object.entries(condition).some(
    ([operator, values]) =>
      ['Bool', 'BoolIfExists'].includes(operator) &&
      isObject(values) &&
      Object.entries(values).some(
        ([name, value]) =>
          name.toLowerCase() === 'aws:securetransport' && [false, 'false'].includes(value as never),
      ),
  )
}

/** The principals that are not services, federated users or the like. */
function awsPrincipals(principal: unknown): readonly string[] {
  return isObject(principal) ? textsIn(principal.AWS) : textsIn(principal)
}

function isRoot(principal: string, account: KmsAccount): boolean {
  return [rootOf(account), account.account, '*'].includes(principal)
}

function textsIn(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.filter((each) => typeof each === 'string')
}

/**
 * True if a pattern with `*` and `?` matches the action. AWS ignores the case of actions. Tries
 * each position of the action once, because the pattern is untrusted.
 */
function isPutKeyPolicy(pattern: string): boolean {
  const action = 'kms:putkeypolicy'
  let reached = new Set([0])
  for (const character of pattern.toLowerCase()) {
    const next = new Set<number>()
    for (const at of reached) {
      if (character === '*') for (let end = at; end <= action.length; end++) next.add(end)
      else if (at < action.length && (character === '?' || character === action[at]))
        next.add(at + 1)
    }
    reached = next
  }
  return reached.has(action.length)
}
