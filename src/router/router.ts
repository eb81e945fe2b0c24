import { KeymgmtError } from '../errors.js'
import { scalarText } from './convert.js'
import { FieldError } from './field-error.js'
import type { Field, Fields } from './fields.js'
import {
  OPERATIONS,
  type Operation,
  type OperationDefinition,
  type PathDefinition,
  type Response,
} from './path.js'
import { isName, matchPattern, NAME_RULE, parameterOf, pathSegments } from './pattern.js'
import { isPlain, quote, quoteName, quotePlain } from './quote.js'
import { didYouMean, distanceTo } from '../suggest.js'
import { isEmpty, type RawValue } from './values.js'

/** The fields of a request, untyped. */
export type RequestData = ReadonlyMap<string, RawValue>

/** A valid request. The router has not opened anything for it. */
export interface Resolved<Context> {
  /** The path that matched. */
  readonly path: PathDefinition<Context>
  /** The names in the path. */
  readonly params: Readonly<Record<string, string>>
  /** The typed values of the fields in the request. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Runs the request. */
  readonly run: (context: Context) => Promise<Response>
}

/** Finds the handler of a request. */
export interface Router<Context> {
  /**
   * Checks and types a request. An error repeats the values only of the `typed` fields: those whose
   * whole value is an argument, not the content of a file, of standard input or of JSON.
   * @throws KeymgmtError `PATH_UNSUPPORTED`, `OPERATION_UNSUPPORTED`, `FIELD_UNKNOWN`,
   * `FIELD_MISSING` or `FIELD_INVALID`
   */
  readonly resolve: (
    operation: Operation,
    path: string,
    data: RequestData | null,
    typed?: ReadonlySet<string>,
  ) => Resolved<Context>
}

/** Creates a router over paths. If two patterns match, the first one wins. */
export function createRouter<Context>(paths: readonly PathDefinition<Context>[]): Router<Context> {
  return {
    resolve: (operation, requestPath, data, typed = new Set()) => {
      const { path, params } = findPath(paths, requestPath)
      const definition = findOperation(path, operation, requestPath)
      const fields = typeFields(definition.fields, params, data ?? new Map(), {
        owners: fieldOwners(path),
        typed,
      })
      return {
        path,
        params,
        fields,
        run: async (context) => (await definition.run(context, params, fields)) ?? {},
      }
    },
  }
}

/**
 * Finds the path that matches a request's path, and the names in it.
 * @throws KeymgmtError `PATH_UNSUPPORTED`
 */
export function findPath<Context>(
  paths: readonly PathDefinition<Context>[],
  requestPath: string,
): { readonly path: PathDefinition<Context>; readonly params: Readonly<Record<string, string>> } {
  const segments = pathSegments(requestPath)
  const mounts = new Set(paths.map(({ pattern }) => pattern.split('/')[0] ?? ''))
  if (segments[0] === undefined || !mounts.has(segments[0]))
    throw unmountedError(paths, segments, [...mounts])
  for (const path of paths) {
    const params = matchPattern(path.pattern, segments)
    if (params === undefined) continue
    for (const name of Object.values(params))
      if (!isName(name)) throw invalidNameError(paths, segments, name)
    return { path, params }
  }
  throw new KeymgmtError('PATH_UNSUPPORTED', `unsupported path ${quotePath(paths, segments)}`, {
    hints: [...nearestPath(paths, segments), `to list all paths: keymgmt path-help ${segments[0]}`],
  })
}

function unmountedError(
  paths: readonly PathDefinition<never>[],
  segments: readonly string[],
  mounts: readonly string[],
): KeymgmtError {
  const begin = `paths begin with ${mounts.map((mount) => `${mount}/`).join(' or ')}`
  if (segments.length === 0)
    return new KeymgmtError('PATH_UNSUPPORTED', 'the path is empty', { hints: [begin] })
  const withMount = mounts.flatMap((mount) => nearestPath(paths, [mount, ...segments]))
  return new KeymgmtError(
    'PATH_UNSUPPORTED',
    `no handler for route ${quotePath(paths, segments)}`,
    {
      hints: [begin, ...[...nearestPath(paths, segments), ...withMount].slice(0, 1)],
    },
  )
}

function invalidNameError(
  paths: readonly PathDefinition<never>[],
  segments: readonly string[],
  name: string,
): KeymgmtError {
  const message = `unsupported path ${quotePath(paths, segments)}: ${quotePlain(name)} is not a valid name`
  return new KeymgmtError('PATH_UNSUPPORTED', message, {
    hints: [`a name has ${NAME_RULE}`],
  })
}

/**
 * A path that was refused, for an error message. Neighbouring segments that no pattern has count as
 * one text, because a secret may contain slashes.
 */
function quotePath(paths: readonly PathDefinition<never>[], segments: readonly string[]): string {
  return quote(showPath(paths, segments))
}

/** A request's path for the beginning of an error, without texts that an error must not repeat. */
export function showPath(
  paths: readonly PathDefinition<never>[],
  segments: readonly string[],
): string {
  const literals = [...new Set(paths.flatMap(({ pattern }) => pattern.split('/')))].filter(
    (segment) => parameterOf(segment) === undefined,
  )
  const isKnown = (segment: string) =>
    literals.some((literal) => distanceTo(segment, literal) !== undefined)
  const runs: { known: boolean; text: string }[] = []
  for (const segment of segments) {
    const [known, last] = [isKnown(segment), runs.at(-1)]
    if (last && !last.known && !known) last.text += `/${segment}`
    else runs.push({ known, text: segment })
  }
  return runs.map(({ known, text }) => (known || isPlain(text) ? text : '…')).join('/')
}

function nearestPath(
  paths: readonly PathDefinition<never>[],
  segments: readonly string[],
): readonly string[] {
  let best: { readonly printed: string; readonly distance: number } | undefined
  for (const { pattern } of paths) {
    const candidate = corrected(pattern.split('/'), segments)
    if (candidate !== undefined && (best === undefined || candidate.distance < best.distance))
      best = candidate
  }
  return best === undefined ? [] : [`did you mean "${best.printed}"?`]
}

/**
 * Corrects the literal segments of a request's path to this pattern, and counts the edits. Returns
 * undefined if the path is not similar to the pattern.
 */
function corrected(
  expected: readonly string[],
  segments: readonly string[],
): { readonly printed: string; readonly distance: number } | undefined {
  if (expected.length !== segments.length) return undefined
  const printed: string[] = []
  let distance = 0
  for (const [index, given] of segments.entries()) {
    const literal = expected[index] ?? ''
    const isParameter = parameterOf(literal) !== undefined
    const edits = isParameter ? (isName(given) ? 0 : undefined) : distanceTo(given, literal)
    if (edits === undefined) return undefined
    printed.push(isParameter ? (isPlain(given) ? given : '…') : literal)
    distance += edits
  }
  return { printed: printed.join('/'), distance }
}

function findOperation<Context>(
  path: PathDefinition<Context>,
  operation: Operation,
  requestPath: string,
): OperationDefinition<Context> {
  const definition = path.operations[operation]
  if (definition !== undefined) return definition
  const printed = pathSegments(requestPath).join('/')
  const supported = OPERATIONS.filter((candidate) => path.operations[candidate] !== undefined)
  throw new KeymgmtError(
    'OPERATION_UNSUPPORTED',
    `unsupported operation "${operation}" on "${printed}"`,
    {
      hints: [`${printed} supports ${supported.join(', ')}`],
    },
  )
}

/** The operations of a path that accept each field. */
type FieldOwners = ReadonlyMap<string, readonly Operation[]>

function fieldOwners(path: PathDefinition<never>): FieldOwners {
  const owners = new Map<string, readonly Operation[]>()
  for (const operation of OPERATIONS) {
    for (const name of Object.keys(path.operations[operation]?.fields ?? {})) {
      owners.set(name, [...(owners.get(name) ?? []), operation])
    }
  }
  return owners
}

function typeFields(
  fields: Fields,
  params: Readonly<Record<string, string>>,
  data: RequestData,
  { owners, typed }: { readonly owners: FieldOwners; readonly typed: ReadonlySet<string> },
): Readonly<Record<string, unknown>> {
  for (const [name, raw] of data) {
    if (Object.hasOwn(params, name)) refuseContradiction(name, params[name], raw)
    else if (!Object.hasOwn(fields, name))
      throw unknownFieldError(name, Object.keys(fields), owners)
  }
  const values: [string, unknown][] = []
  for (const [name, field] of Object.entries(fields)) {
    const raw = data.get(name)
    if (field.required && (raw === undefined || isEmpty(raw))) throw missingFieldError(name, field)
    if (raw !== undefined) values.push([name, parseField(name, field, raw, typed)])
  }
  return Object.fromEntries(values)
}

function refuseContradiction(name: string, inPath: string | undefined, raw: RawValue): void {
  if (scalarText(raw) === inPath) return
  throw new KeymgmtError(
    'FIELD_INVALID',
    `parameter ${quote(name)} differs from the one in the path`,
    {
      hints: [`leave ${name} out: the path already specifies it`],
    },
  )
}

function unknownFieldError(
  name: string,
  known: readonly string[],
  owners: FieldOwners,
): KeymgmtError {
  const elsewhere = owners.get(name)
  const takes =
    known.length === 0
      ? 'this operation takes no parameters'
      : `parameters of this path: ${known.join(', ')}`
  return new KeymgmtError('FIELD_UNKNOWN', `unknown parameter ${quoteName(name)}`, {
    hints: [
      ...(elsewhere === undefined
        ? didYouMean(name, known)
        : [`only ${elsewhere.join(', ')} accepts ${name}`]),
      takes,
    ],
  })
}

function missingFieldError(name: string, field: Field<unknown>): KeymgmtError {
  return new KeymgmtError('FIELD_MISSING', `missing required parameter "${name}"`, {
    hints: [`${name} takes ${field.takes}`],
  })
}

function parseField(
  name: string,
  field: Field<unknown>,
  raw: RawValue,
  typed: ReadonlySet<string>,
): unknown {
  try {
    return field.parse(raw)
  } catch (error) {
    if (!(error instanceof FieldError)) throw error
    const { hints } = error
    const message = typed.has(name) ? error.message : error.withoutValue
    const takes = message.includes(field.takes) ? [] : [`${name} takes ${field.takes}`]
    throw new KeymgmtError('FIELD_INVALID', `field "${name}": ${message}`, {
      hints: hints.length > 0 ? hints : takes,
    })
  }
}
