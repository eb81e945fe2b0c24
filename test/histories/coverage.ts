/** How often each step met each fault. */
export type Coverage = Map<string, Map<string, number>>

/** The column of steps that met no fault. */
export const NO_FAULT = 'no fault'

/** Counts that a step met a fault. */
export function count(coverage: Coverage, step: string, fault: string, times = 1): void {
  const row = coverage.get(step) ?? new Map<string, number>()
  coverage.set(step, row)
  row.set(fault, (row.get(fault) ?? 0) + times)
}

/** Adds the counts of another run. */
export function add(coverage: Coverage, other: Coverage): void {
  for (const [step, row] of other)
    for (const [fault, times] of row) count(coverage, step, fault, times)
}

/** The coverage as a table: a row for each fault, a column for each command. */
export function tableOf(coverage: Coverage): string {
  const hasFaults = (step: string) => [...(coverage.get(step)?.keys() ?? [])].join() !== NO_FAULT
  const steps = [...coverage.keys()].sort()
  const columns = steps.filter(hasFaults)
  const faults = new Set([
    NO_FAULT,
    ...columns
      .flatMap((step) => [...(coverage.get(step) ?? new Map<string, number>()).keys()])
      .sort(),
  ])
  const rows = [
    ['', ...columns],
    ...[...faults].map((fault) => [
      fault,
      ...columns.map((step) => String(coverage.get(step)?.get(fault) ?? '-')),
    ]),
  ]
  const width = (index: number) => Math.max(...rows.map((row) => row[index]?.length ?? 0))
  const lines = rows.map(([fault = '', ...cells]) =>
    [fault.padEnd(width(0)), ...cells.map((cell, index) => cell.padStart(width(index + 1)))].join(
      '  ',
    ),
  )
  const others = steps
    .filter((step) => !hasFaults(step))
    .map((step) => `${step} ${coverage.get(step)?.get(NO_FAULT) ?? 0}`)
  return [...lines, '', others.join(', ')].join('\n')
}
