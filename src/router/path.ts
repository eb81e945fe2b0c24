import type { Fields, Typed } from './fields.js'
import type { Json } from './values.js'

/** What can be done at a path. */
export type Operation = 'read' | 'write' | 'list' | 'delete'

/** Every operation, in the order in which help lists them. */
export const OPERATIONS: readonly Operation[] = ['write', 'read', 'list', 'delete']

/** The answer to a request. A list's keys are in `data.keys`. */
export interface Response {
  readonly data?: Readonly<Record<string, Json>>
  readonly warnings?: readonly string[]
  /**
   * What a person is shown instead of the data: rows of named cells, in the order of the columns.
   */
  readonly rows?: readonly Readonly<Record<string, string>>[]
  /** Whether a check found something that is not as it should be. */
  readonly failed?: boolean
}

type ParameterName<Pattern extends string> = Pattern extends `${infer Segment}/${infer Rest}`
  ? ParameterName<Segment> | ParameterName<Rest>
  : Pattern extends `:${infer Name}`
    ? Name
    : never

/** The parameters in a pattern: `'keymgmt/key/:name'` has `name`. */
export type PathParameters<Pattern extends string> = Readonly<
  Record<ParameterName<Pattern>, string>
>

/** What one operation at a path takes and does, as its author writes it. */
export interface OperationSource<Context, Params, F extends Fields> {
  /** What it does, in one line. */
  readonly summary: string
  readonly fields?: F
  readonly run: (
    context: Context,
    params: Params,
    fields: Typed<F>,
  ) => Promise<Response | undefined>
}

/** What one operation at a path takes and does, as the router sees it. */
export interface OperationDefinition<Context> {
  readonly summary: string
  readonly fields: Fields
  readonly run: (
    context: Context,
    params: Readonly<Record<string, string>>,
    fields: Readonly<Record<string, unknown>>,
  ) => Promise<Response | undefined>
}

/** A path: its pattern, its help and its operations. */
export interface PathDefinition<Context> {
  /** Segments, the first one the mount; `:name` stands for a name. */
  readonly pattern: string
  /** What the path is for, in one line. */
  readonly synopsis: string
  /** Paragraphs of Markdown, with an example in a block indented by four. */
  readonly description: string
  /** What each parameter of the pattern stands for. */
  readonly parameters: Readonly<Record<string, string>>
  readonly operations: Readonly<Partial<Record<Operation, OperationDefinition<Context>>>>
}

type None = Readonly<Record<string, never>>

/**
 * A path as its author writes it: each operation's handler sees its own fields, typed, and the
 * pattern's parameters.
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

/** The function that defines a path whose handlers get a `Context`. */
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
 * The one cast: the router hands `run` only what the pattern and the fields of this very source
 * yielded.
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
