import { AwsError, invalid } from '../errors.js'
import { isObject } from '../json.js'
import type { Members, Shape } from './shapes.js'

/** AWS's name for the type of a JSON value. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'START_ARRAY'
  return typeof value === 'object' ? 'START_OBJECT' : `${(typeof value).toUpperCase()}_VALUE`
}

function unreadable(value: unknown, type: string): AwsError {
  return new AwsError('SerializationException', `${kindOf(value)} can not be converted to ${type}`)
}

/** AWS's message for a value that violates a constraint. */
function violation(path: string, shown: string, rule: string): string {
  return `Value ${shown} at '${path}' failed to satisfy constraint: Member must ${rule}`
}

/** Checks a size. AWS has one message for each limit. */
function sizeViolations(
  path: string,
  shown: string,
  what: 'length' | 'value',
  size: number,
  { least, most }: { readonly least: number; readonly most: number },
): string[] {
  if (size < least)
    return [violation(path, shown, `have ${what} greater than or equal to ${least}`)]
  return size > most ? [violation(path, shown, `have ${what} less than or equal to ${most}`)] : []
}

type Check<K extends Shape['kind']> = (
  shape: Extract<Shape, { kind: K }>,
  value: unknown,
  path: string,
) => string[]

/** AWS's text for bytes. It does not contain them: they may be key material. */
const shownBytes = (bytes: number) => `'java.nio.HeapByteBuffer[pos=0 lim=${bytes} cap=${bytes}]'`

const CHECKS: { readonly [K in Shape['kind']]: Check<K> } = {
  text: (shape, value, path) => {
    if (typeof value !== 'string') throw unreadable(value, 'String')
    const wrong = sizeViolations(path, `'${value}'`, 'length', value.length, shape)
    const whole = shape.pattern && new RegExp(`^(?:${shape.pattern.source})$`)
    return whole && value !== '' && !whole.test(value)
      ? [
          ...wrong,
          violation(path, `'${value}'`, `satisfy regular expression pattern: ${whole.source}`),
        ]
      : wrong
  },
  word: ({ words }, value, path) => {
    if (typeof value !== 'string') throw unreadable(value, 'String')
    return words.includes(value)
      ? []
      : [violation(path, `'${value}'`, `satisfy enum value set: [${words.join(', ')}]`)]
  },
  blob: (shape, value, path) => {
    if (typeof value !== 'string') throw unreadable(value, 'Blob')
    const bytes = Buffer.from(value, 'base64')
    if (bytes.toString('base64') !== value)
      throw new AwsError('SerializationException', `the value at '${path}' is not base64`)
    return sizeViolations(path, shownBytes(bytes.length), 'length', bytes.length, shape)
  },
  number: (shape, value, path) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) throw unreadable(value, 'Integer')
    return sizeViolations(path, `'${value}'`, 'value', value, shape)
  },
  flag: (_shape, value) => {
    if (typeof value !== 'boolean') throw unreadable(value, 'Boolean')
    return []
  },
  time: (_shape, value) => {
    if (typeof value !== 'number' || Number.isNaN(new Date(value * 1000).getTime()))
      throw unreadable(value, 'Date')
    return []
  },
  map: (_shape, value) => {
    if (!isObject(value)) throw unreadable(value, 'Map')
    for (const entry of Object.values(value))
      if (typeof entry !== 'string') throw unreadable(entry, 'String')
    return []
  },
  list: (shape, value, path) => {
    if (!Array.isArray(value)) throw unreadable(value, 'List')
    const size = sizeViolations(path, `'[${value.length} items]'`, 'length', value.length, shape)
    return [
      ...size,
      ...value.flatMap((item, index) => check(shape.of, item, `${path}.${index + 1}.member`)),
    ]
  },
  structure: ({ members }, value, path) => {
    if (!isObject(value)) throw unreadable(value, 'Structure')
    return checkMembers(members, value, `${path}.`)
  },
}

function check(shape: Shape, value: unknown, path: string): string[] {
  return (CHECKS[shape.kind] as Check<Shape['kind']>)(shape, value, path)
}

function checkMembers(
  members: Members,
  body: Readonly<Record<string, unknown>>,
  prefix: string,
): string[] {
  const unknown = Object.keys(body).find((name) => !Object.hasOwn(members, name))
  if (unknown !== undefined)
    throw new AwsError('SerializationException', `unknown member '${prefix}${unknown}'`)
  return Object.entries(members).flatMap(([name, { shape, required }]) => {
    const path = `${prefix}${name.charAt(0).toLowerCase()}${name.slice(1)}`
    const value = Object.hasOwn(body, name) ? (body[name] ?? undefined) : undefined
    if (value !== undefined) return check(shape, value, path)
    return required ? [violation(path, 'null', 'not be null')] : []
  })
}

/**
 * Validates a request's body against the operation's model, before anything else, as AWS does.
 * Stricter than AWS: an unknown member, which is probably mistyped, is refused.
 * @throws AwsError SerializationException for a wrong type or an unknown member;
 * ValidationException for a violated limit
 */
export function validate(members: Members, body: Readonly<Record<string, unknown>>): void {
  const wrong = checkMembers(members, body, '')
  if (wrong.length > 0)
    throw invalid(
      `${wrong.length} validation error${wrong.length === 1 ? '' : 's'} detected: ${wrong.join('; ')}`,
    )
}
