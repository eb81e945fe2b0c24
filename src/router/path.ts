import type { Fields, Typed } from './fields.js'
import type { Json } from './values.js'

/** An operation at a path. */
export type Operation = 'read' | 'write' | 'list' | 'delete'

/** All operations, in the order of the help. */
export const OPERATIONS: readonly Operation[] = ['write', 'read', 'list', 'delete']

/** Describes the result of a write: `data` for a program, `lines` for a person. */
export interface Created {
  /** The result as data, for a program. */
  readonly data: Readonly<Record<string, Json>>
  /** The result as lines, for a person. */
  readonly lines: readonly string[]
}

/** The response to a request. The keys of a list are in `data.keys`. */
export interface Response {
  /** The result. */
  readonly data?: Readonly<Record<string, Json>>
  /** Warnings for the user. */
  readonly warnings?: readonly string[]
  /**
   * Table rows for a person, shown instead of the data: named cells, in the order of the columns.
   */
  readonly rows?: readonly Readonly<Record<string, string>>[]
  /**
   * The created KMS keys. Separate from `data`, because for a person a write reports only its
   * success.
   */
  readonly created?: Created
  /** Information that the command read from AWS to show to the user. A dry run shows it, too. */
  readonly observed?: Created
  /** True if a check found a difference. */
  readonly failed?: boolean
  /** True if a check could not check everything. */
  readonly incomplete?: boolean
}

type ParameterName<Pattern extends string> = Pattern extends `${infer Segment}/${infer Rest}`
  ? ParameterName<Segment> | ParameterName<Rest>
  : Pattern extends `:${infer Name}`
    ? Name
    : never

/** The parameters in a pattern: `name` in `'keymgmt/key/:name'`. */
export type PathParameters<Pattern extends string> = Readonly<
  Record<ParameterName<Pattern>, string>
>

/** The definition of one operation at a path, with the types of its own fields. */
export interface OperationSource<Context, Params, F extends Fields> {
  /** Says in one line what the operation does. */
  readonly summary: string
  readonly fields?: F
  readonly run: (
    context: Context,
    params: Params,
    fields: Typed<F>,
  ) => Promise<Response | undefined>
}

/** The definition of one operation at a path, for the router. */
export interface OperationDefinition<Context> {
  /** One sentence, for help. */
  readonly summary: string
  /** The fields of a request. */
  readonly fields: Fields
  /** Runs a valid request. */
  readonly run: (
    context: Context,
    params: Readonly<Record<string, string>>,
    fields: Readonly<Record<string, unknown>>,
  ) => Promise<Response | undefined>
}

/** A path: its pattern, its help and its operations. */
export interface PathDefinition<Context> {
  /** Segments, of which the first is the mount; `:name` matches a name. */
  readonly pattern: string
  /** Says in one line what the path is for. */
  readonly synopsis: string
  /** Paragraphs of Markdown; an example is a block that is indented by four. */
  readonly description: string
  /** The meaning of each parameter of the pattern. */
  readonly parameters: Readonly<Record<string, string>>
  /** The operations at the path. */
  readonly operations: Readonly<Partial<Record<Operation, OperationDefinition<Context>>>>
}

type None = Readonly<Record<string, never>>

/**
 * The definition of a path. The handler of each operation receives its own typed fields and the
 * parameters of the pattern.
 */
export interface PathSource<
  Context,
  Pattern extends string,
  W extends Fields = None,
  R extends Fields = None,
  L extends Fields = None,
  D extends Fields = None,
> {
  readonly pattern: Pattern
  readonly synopsis: string
  readonly description: string
  readonly parameters: PathParameters<Pattern>
  readonly operations: {
    readonly write?: OperationSource<Context, PathParameters<Pattern>, W>
    readonly read?: OperationSource<Context, PathParameters<Pattern>, R>
    readonly list?: OperationSource<Context, PathParameters<Pattern>, L>
    readonly delete?: OperationSource<Context, PathParameters<Pattern>, D>
  }
}

/** Returns the function that defines paths whose handlers receive a `Context`. */
export function definePath<Context>() {
  return <
    const Pattern extends string,
    W extends Fields = None,
    R extends Fields = None,
    L extends Fields = None,
    D extends Fields = None,
  >(
    source: PathSource<Context, Pattern, W, R, L, D>,
  ): PathDefinition<Context> => {
    const { write, read, list, delete: remove } = source.operations
    return {
      pattern: source.pattern,
      synopsis: source.synopsis,
      description: source.description,
      parameters: source.parameters,
      operations: {
        ...(write && { write: erase(write) }),
        ...(read && { read: erase(read) }),
        ...(list && { list: erase(list) }),
        ...(remove && { delete: erase(remove) }),
      },
    }
  }
}

/**
 * Erases the types of one operation. The cast is safe: the router passes to `run` only what this
 * pattern and these fields returned.
 */
function erase<Context, Params, F extends Fields>(
  source: OperationSource<Context, Params, F>,
): OperationDefinition<Context> {
  return {
    summary: source.summary,
    fields: source.fields ?? {},
    run: source.run as OperationDefinition<Context>['run'],
  }
}
