/** An operation of one writer on one object: a list to which all writers append. */
export interface Operation {
  readonly writer: string
  readonly object: string
  /** Milliseconds of a clock that all processes of this machine share. */
  readonly invoked: number
  /** Absent if the operation failed: an append may have happened or not. */
  readonly acknowledged?: number | undefined
  /** The value that an append adds; unique in its object. */
  readonly appended?: string | undefined
  /** What a read returned. */
  readonly read?: Seen | undefined
}

/** An object, as a read returned it. */
export interface Seen {
  /** The number in the sealed record, which grows by one with each change. */
  readonly revision: number
  readonly values: readonly string[]
}

type Append = Operation & { readonly appended: string }
type Read = Operation & { readonly acknowledged: number; readonly read: Seen }

/**
 * PURE: returns the problems of a history. An empty list means: every acknowledged append is in all
 * later reads, no value is in an object twice, no value disappears or moves, and revisions only
 * grow. Each object needs a read after everything else.
 */
export function findProblems(history: readonly Operation[]): string[] {
  const objects = [...new Set(history.map(({ object }) => object))]
  return objects.flatMap((object) => {
    const operations = history.filter((each) => each.object === object)
    const appends = operations.filter((each): each is Append => each.appended !== undefined)
    const reads = operations.filter(isRead).sort((one, other) => one.invoked - other.invoked)
    const last = Math.max(
      ...appends.map(({ invoked, acknowledged = 0 }) => Math.max(invoked, acknowledged)),
    )
    return [
      ...((reads.at(-1)?.invoked ?? 0) > last ? [] : ['nobody read it at the end']),
      ...repeated(appends.filter(isAcknowledged).map(({ appended }) => appended)).map(
        (value) => `${value} was acknowledged twice`,
      ),
      ...reads.flatMap((read) => readProblems(read, appends)),
      ...reads.flatMap((read, index) => orderProblems(reads.slice(0, index), read)),
    ].map((problem) => `${object}: ${problem}`)
  })
}

function isRead(operation: Operation): operation is Read {
  return operation.read !== undefined && operation.acknowledged !== undefined
}

function isAcknowledged({ acknowledged }: Operation): boolean {
  return acknowledged !== undefined
}

/** Compares a read with the appends before it. */
function readProblems({ writer, invoked, read }: Read, appends: readonly Append[]): string[] {
  const { values, revision } = read
  const seen = new Set(values)
  const at = `in revision ${revision}, which ${writer} read`
  const missing = appends.filter(
    ({ acknowledged, appended }) =>
      acknowledged !== undefined && acknowledged < invoked && !seen.has(appended),
  )
  return [
    ...missing.map((each) => `${each.appended} of ${each.writer} is lost ${at}`),
    ...repeated(values).map((value) => `${value} exists twice ${at}`),
  ]
}

/** Compares a read with those that ended before it began. */
function orderProblems(earlier: readonly Read[], { invoked, writer, read }: Read): string[] {
  return earlier
    .filter(({ acknowledged }) => acknowledged < invoked)
    .flatMap((before) => {
      const isPrefix = before.read.values.every((value, index) => read.values[index] === value)
      const pair = `from ${before.writer}'s read to ${writer}'s`
      return [
        ...(isPrefix ? [] : [`values disappear or move ${pair}`]),
        ...(read.revision >= before.read.revision
          ? []
          : [`the revision falls from ${before.read.revision} to ${read.revision} ${pair}`]),
      ]
    })
}

function repeated(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))]
}
