import fc from 'fast-check'

/** What happens to a command. All faults are data, so that a history can be stored. */

/** A request, counted from 1: of all, of those that change something, or of one operation. */
export interface RequestPoint {
  readonly request: number
  readonly of?: string
  readonly when: 'before' | 'after'
}

/** A change of a file, counted from 1. */
export interface FilePoint {
  readonly file: number
  readonly when: 'before' | 'after'
}

/** Replies that do not say what AWS did, or AWS's own refusal. */
export const REPLIES = [
  'cut',
  '500',
  'throttle',
  'denied',
  'html',
  'forbidden-html',
  'empty',
  'object',
  'truncated',
  'oversized',
  'late',
] as const

export type Fault =
  /** `power` also loses what was not synced. */
  | { readonly kill: 'process' | 'power'; readonly at: RequestPoint | FilePoint }
  | { readonly reply: (typeof REPLIES)[number]; readonly at: RequestPoint }
  /** AWS denies the operation; a number chooses one that the command uses. */
  | { readonly deny: string | number }
  /** No connection to the Region. */
  | { readonly unreachable: string }

/** The requests and file changes of a command so far. */
export interface Done {
  /** The operation of each request. */
  readonly operations: readonly string[]
  /** Changes of files. */
  readonly fileOperations: number
}

/** Regions of the histories: those of providers first. */
export const REGIONS = ['us-west-1', 'eu-central-1', 'us-east-1'] as const

/** In place of an operation: all that change something in AWS. */
export const CHANGES = 'changes'

const when = fc.constantFrom('after' as const, 'before' as const)

const requestPoint: fc.Arbitrary<RequestPoint> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ request: point(12), of: fc.constant(CHANGES), when }) },
  { weight: 1, arbitrary: fc.record({ request: point(24), when }) },
)
const filePoint: fc.Arbitrary<FilePoint> = fc.record({ file: point(100), when })

/** A late reply matters to few requests. */
const oneOfReplies = fc.constantFrom<(typeof REPLIES)[number]>(...REPLIES, 'late', 'late')

/** A fault. Points beyond the end of a command are aimed at what it does: see {@link aim}. */
export const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kill: kind(), at: requestPoint }) },
  { weight: 4, arbitrary: fc.record({ kill: kind(), at: filePoint }) },
  {
    weight: 6,
    arbitrary: fc.record({ reply: oneOfReplies, at: requestPoint }),
  },
  { weight: 2, arbitrary: fc.record({ deny: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ unreachable: fc.constantFrom(...REGIONS) }) },
)

function point(max: number): fc.Arbitrary<number> {
  return fc.integer({ min: 1, max })
}

function kind(): fc.Arbitrary<'process' | 'power'> {
  return fc.constantFrom('process', 'process', 'power')
}

/** PURE: true if the fault strikes the last one of these requests, which was sent to the Region. */
export function strikes(fault: Fault, operations: readonly string[], region: string): boolean {
  const last = operations.at(-1) ?? ''
  if ('deny' in fault) return fault.deny === last
  if ('unreachable' in fault) return fault.unreachable === region
  const { at } = fault
  if ('file' in at) return false
  return isAmong(at, last) && operations.filter((each) => isAmong(at, each)).length === at.request
}

/** PURE: the fault at something that the command does; undefined if it does nothing of the kind. */
export function aim(fault: Fault, { operations, fileOperations }: Done): Fault | undefined {
  if ('unreachable' in fault) return undefined
  if ('deny' in fault) {
    const made = [...new Set(operations)]
    const deny = typeof fault.deny === 'number' && made[fault.deny % made.length]
    return deny ? { deny } : undefined
  }
  const { at } = fault
  if ('file' in at) {
    if (fileOperations === 0 || !('kill' in fault)) return undefined
    return { ...fault, at: { ...at, file: wrapped(at.file, fileOperations) } }
  }
  const number = operations.filter((each) => isAmong(at, each)).length
  return number > 0 ? { ...fault, at: { ...at, request: wrapped(at.request, number) } } : undefined
}

function isAmong({ of }: RequestPoint, operation: string): boolean {
  if (of === CHANGES) return !/^(Describe|Get|List)/.test(operation)
  return of === undefined || of === operation
}

/** A number from 1 to `max`. */
function wrapped(number: number, max: number): number {
  return ((number - 1) % max) + 1
}

/** The name of a fault in the table of what met what. */
export function nameOfFault(fault: Fault): string {
  if ('kill' in fault)
    return `${fault.kill === 'power' ? 'power failure' : 'kill'} at ${'file' in fault.at ? 'file' : 'request'}`
  if ('reply' in fault) return `reply ${fault.reply}`
  return 'deny' in fault ? 'denied action' : 'unreachable Region'
}
