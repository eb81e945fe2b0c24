import { aliasPattern } from '../core/records/alias-names.js'
import type { Engine } from '../core/engine.js'
import {
  distributionNames,
  fixedEnd,
  knownArn,
  providerScope,
} from '../core/operations/provider-usage.js'
import { KeymgmtError } from '../errors.js'
import { planCalls } from '../kms/aws/dry-run.js'
import { recordPermissions, type RecordedPermissions } from '../kms/aws/policy/recorder.js'
import {
  toPolicy,
  toStatements,
  type PolicyDocument,
  type RequiredPermission,
} from '../kms/aws/policy/permissions.js'
import { permissionsOfProvider } from '../kms/aws/policy/provider-policy.js'
import { PATHS } from '../paths/index.js'
import { kms as providerPath } from '../paths/kms.js'
import { findPath, type Resolved } from '../router/router.js'
import { createOverlayStore } from '../store/index.js'
import type { Context } from './commands/command.js'
import { actionOn, printError } from './output/error.js'
import { composeEngine, type CommandEngineOptions } from './engine.js'
import { printDocument } from './output/document.js'
import { printWarnings, type FormatName } from './output/index.js'
import { writeWarning } from './terminal.js'

/** A command whose policy keymgmt prints. */
export interface PolicyRequest {
  readonly resolved: Pick<Resolved<Engine>, 'params'> & {
    readonly run: (engine: Engine) => Promise<unknown>
  }
  readonly format: FormatName
  readonly timeoutMs: number | undefined
}

/**
 * Prints the least-privilege IAM policy of one command, found by a dry run. Returns the exit
 * status. Only the policy goes to stdout.
 * @throws KeymgmtError for every reason to refuse the command before its first request to AWS.
 */
export async function printCommandPolicy(
  context: Context,
  { resolved, format, timeoutMs }: PolicyRequest,
): Promise<number> {
  const { terminal } = context
  const recorded: RecordedPermissions[] = []
  const record = recordPermissions(recorded)
  const plan = planCalls([])
  const dryRun: CommandEngineOptions['dryRun'] = {
    middleware: (settings) => [record(settings), plan],
    store: createOverlayStore,
  }
  const { engine } = composeEngine(context, {
    timeoutMs,
    dryRun,
    notice: (message) => {
      writeWarning(terminal, `${message}\n`)
    },
  })
  // Only paths below a provider have a `key` parameter. Their `name` is the provider's.
  const { name: kms = '', key } = resolved.params
  const names = key === undefined ? undefined : await distributionNames(engine, kms, key)
  try {
    await resolved.run(engine)
  } catch (error) {
    // An assumed reply may have caused this error. Print the permissions that were found until
    // then.
    if (isOver(error) || recorded.every(({ unanswered }) => unanswered.size === 0)) throw error
  } finally {
    terminal.progress('')
  }
  const arn = key !== undefined && recorded.length > 0 ? await knownArn(engine, kms) : undefined
  const end = key === undefined ? undefined : await fixedEnd(engine, kms, key)
  const policy = toPolicy(
    recorded.flatMap(({ required, arns }) =>
      required.flatMap((permission) =>
        toStatements(withPattern(withEnd(permission, end), names), accountOf([...arns, arn])),
      ),
    ),
  )
  const warn = (text: string) => {
    writeWarning(terminal, text)
  }
  printWarnings(warn, [
    ...explainUnanswered(new Set(recorded.flatMap(({ unanswered }) => [...unanswered]))),
    ...explainSize(policy),
  ])
  if (policy) await printDocument(terminal, policy, format)
  else terminal.err('This command needs no IAM permissions.\n')
  return 0
}

/** True if the command was interrupted or timed out. */
function isOver(error: unknown): boolean {
  return (
    error instanceof KeymgmtError && (error.code === 'INTERRUPTED' || error.code === 'KMS_TIMEOUT')
  )
}

/** Leaves out the expiry of a ttl, because it is later each time that the command runs. */
function withEnd(permission: RequiredPermission, end: Date | undefined): RequiredPermission {
  const { 'kms:ValidTo': validTo, ...values } = permission.values ?? {}
  const isFixed = Number(validTo?.[0]) * 1000 === end?.getTime()
  return validTo === undefined || isFixed ? permission : { ...permission, values }
}

/**
 * Replaces the alias by a pattern if the command may begin a distribution. Only commands on one key
 * in one provider can.
 */
function withPattern(
  permission: RequiredPermission,
  names: readonly string[] | undefined,
): RequiredPermission {
  return permission.alias === undefined || names === undefined
    ? permission
    : { ...permission, alias: aliasPattern(permission.alias, names) }
}

function explainUnanswered(unanswered: ReadonlySet<string>): string[] {
  if (unanswered.size === 0) return []
  return [
    `AWS did not reply to: ${[...unanswered].sort().join(', ')}. The policy may lack permissions that depend on those replies. Attach it, then print it again.`,
  ]
}

/**
 * Maximum characters of a managed policy, without white space.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
const LONGEST_POLICY = 6144

function explainSize(policy: PolicyDocument | undefined): string[] {
  const size = policy ? JSON.stringify(policy).length : 0
  if (size <= LONGEST_POLICY) return []
  return [
    `The policy has ${size} characters, and IAM accepts at most ${LONGEST_POLICY} in a managed policy. Use the policy of a provider instead: keymgmt policy keymgmt/kms/NAME`,
  ]
}

/**
 * Prints the least-privilege IAM policy for all commands with one provider. Returns the exit
 * status.
 */
export async function policy(context: Context, format: FormatName, path: string): Promise<number> {
  const { terminal } = context
  try {
    const kms = providerOf(path)
    const { engine } = composeEngine(context)
    const scope = await providerScope(engine, kms)
    const account = accountOf([scope.arn])
    const found = toPolicy(
      permissionsOfProvider(scope).flatMap((permission) => toStatements(permission, account)),
    )
    if (found) await printDocument(terminal, found, format)
    return 0
  } catch (error) {
    return printError(
      terminal,
      error,
      actionOn('Error printing the policy of', path, error),
      format,
    )
  }
}

function providerOf(path: string): string {
  const match = findPath(PATHS, path)
  if (match.path === providerPath && match.params.name !== undefined) return match.params.name
  throw new KeymgmtError('PATH_UNSUPPORTED', `${path} is not a KMS provider`, {
    hints: [
      'to print the policy of a provider: keymgmt policy keymgmt/kms/example-kms',
      'to print the policies of the store on S3: keymgmt policy store',
      'to print the policy of one command, add -output-policy to it',
    ],
  })
}

/** Returns the AWS account in the first of these ARNs, or `*` if there is none. */
function accountOf(arns: readonly (string | undefined)[]): string {
  return (
    arns.flatMap((arn) => /^arn:[^:]*:(?:kms|iam):[^:]*:(\d{12}):/.exec(arn ?? '')?.[1] ?? [])[0] ??
    '*'
  )
}
