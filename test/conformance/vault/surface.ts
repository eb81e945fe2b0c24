import { OPERATIONS, type Operation, type PathDefinition } from '../../../src/router/path.js'
import { parameterOf } from '../../../src/router/pattern.js'

/** One field of a request, apart from its description. */
export interface FieldShape {
  /** The type, by keymgmt's name for it; followed by `, required` if it is. */
  readonly type: string
  /** The values that it takes; empty if they are not listed. */
  readonly choices: readonly string[]
}

/** The fields of a request, by name. */
export type FieldShapes = Readonly<Record<string, FieldShape>>

/** The parameters of a path, and the fields of each of its operations. */
export interface PathShape {
  readonly parameters: readonly string[]
  readonly operations: Readonly<Partial<Record<Operation, FieldShapes>>>
}

/** Every path, by its pattern with `*` for each parameter. */
export type Surface = Readonly<Record<string, PathShape>>

/** A difference between the paths of Vault and of keymgmt. Each side has what the other lacks. */
export interface Difference {
  /** The path, or `*` for all of them. */
  readonly path: string
  readonly operation?: Operation
  readonly field?: string
  readonly compared: 'parameters' | 'operation' | 'field' | 'type' | 'choices'
  readonly vault: Side
  readonly keymgmt: Side
}

/** Null, or an empty list, if the side lacks it; an operation is shown as its fields' types. */
type Side = string | readonly string[] | Readonly<Record<string, string>> | null

/** The paths of keymgmt. */
export function surfaceOf(definitions: readonly PathDefinition<never>[]): Surface {
  return Object.fromEntries(
    definitions.map(({ pattern, operations }) => {
      const segments = pattern.split('/')
      return [
        segments.map((segment) => (parameterOf(segment) === undefined ? segment : '*')).join('/'),
        {
          parameters: segments.flatMap((segment) => parameterOf(segment) ?? []),
          operations: mapValues(operations, ({ fields }) =>
            mapValues(fields, ({ type, required, choices = [] }) => ({
              type: required ? `${type}, required` : type,
              choices,
            })),
          ),
        },
      ]
    }),
  )
}

/** Every difference between two surfaces, in the order of their paths. */
export function compareSurfaces(vault: Surface, keymgmt: Surface): Difference[] {
  return namesOf(vault, keymgmt).flatMap((path) => {
    const [ours, theirs] = [keymgmt[path], vault[path]]
    return [
      ...(ours && theirs
        ? compareLists({ path, compared: 'parameters' }, theirs.parameters, ours.parameters)
        : []),
      ...OPERATIONS.flatMap((operation) =>
        compareFields(
          { path, operation },
          theirs?.operations[operation],
          ours?.operations[operation],
        ),
      ),
    ]
  })
}

function compareFields(
  at: Pick<Difference, 'path' | 'operation'>,
  vault: FieldShapes | undefined,
  keymgmt: FieldShapes | undefined,
): Difference[] {
  if (vault && keymgmt)
    return namesOf(vault, keymgmt).flatMap((field) =>
      compareField({ ...at, field }, vault[field], keymgmt[field]),
    )
  if (!vault && !keymgmt) return []
  return [{ ...at, compared: 'operation', vault: typesOf(vault), keymgmt: typesOf(keymgmt) }]
}

function compareField(
  at: Pick<Difference, 'path' | 'operation' | 'field'>,
  vault: FieldShape | undefined,
  keymgmt: FieldShape | undefined,
): Difference[] {
  if (!vault || !keymgmt)
    return [
      { ...at, compared: 'field', vault: vault?.type ?? null, keymgmt: keymgmt?.type ?? null },
    ]
  return [
    ...(vault.type === keymgmt.type
      ? []
      : [{ ...at, compared: 'type' as const, vault: vault.type, keymgmt: keymgmt.type }]),
    ...compareLists({ ...at, compared: 'choices' }, vault.choices, keymgmt.choices),
  ]
}

function compareLists(
  at: Omit<Difference, 'vault' | 'keymgmt'>,
  vault: readonly string[],
  keymgmt: readonly string[],
): Difference[] {
  const difference = {
    ...at,
    vault: vault.filter((name) => !keymgmt.includes(name)),
    keymgmt: keymgmt.filter((name) => !vault.includes(name)),
  }
  return difference.vault.length + difference.keymgmt.length > 0 ? [difference] : []
}

function typesOf(fields: FieldShapes | undefined): Readonly<Record<string, string>> | null {
  return fields ? mapValues(fields, ({ type }) => type) : null
}

function namesOf(one: object, other: object): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].sort()
}

function mapValues<V, W>(
  record: Readonly<Record<string, V>>,
  change: (value: V) => W,
): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]))
}
