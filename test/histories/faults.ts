import fc from 'fast-check'

/** What happens to a command. All faults are data, so that a history can be stored. */

/** A request, counted from 1: of all, or of one operation. */
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
  /** AWS denies the operation, as long as the command runs. */
  | { readonly deny: string }
  /** No connection to the Region. */
  | { readonly unreachable: string }

/** Regions of the histories: those of providers first. */
export const REGIONS = ['us-west-1', 'eu-central-1', 'us-east-1'] as const

const when = fc.constantFrom('after' as const, 'before' as const)

/** A fault of a command that uses these operations of AWS, which blanks separate. */
export function faultOf(operations: string): fc.Arbitrary<Fault> {
  const file = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 80 }))
  const filePoint = fc.record({ file, when })
  if (operations === '')
    return fc.record({ kill: fc.constantFrom('process' as const, 'power' as const), at: filePoint })
  const of = fc.constantFrom(...operations.split(' '))
  const requestPoint: fc.Arbitrary<RequestPoint> = fc.oneof(
    fc.record({
      request: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 8 })),
      when,
    }),
    fc.record({ request: fc.constantFrom(1, 1, 2), of, when }),
  )
  const kill = fc.constantFrom('process' as const, 'process' as const, 'power' as const)
  return fc.oneof(
    { weight: 4, arbitrary: fc.record({ kill, at: requestPoint }) },
    { weight: 3, arbitrary: fc.record({ kill, at: filePoint }) },
    { weight: 5, arbitrary: fc.record({ reply: fc.constantFrom(...REPLIES), at: requestPoint }) },
    { weight: 2, arbitrary: fc.record({ deny: of }) },
    { weight: 1, arbitrary: fc.record({ unreachable: fc.constantFrom(...REGIONS) }) },
  )
}

/** The name of a fault in the table of what met what. */
export function nameOfFault(fault: Fault): string {
  if ('kill' in fault)
    return `${fault.kill === 'power' ? 'power failure' : 'kill'} at ${'file' in fault.at ? 'file' : 'request'}`
  if ('reply' in fault) return `reply ${fault.reply}`
  return 'deny' in fault ? 'denied action' : 'unreachable Region'
}
