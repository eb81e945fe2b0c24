import { planCalls } from '../kms/aws/dry-run.js'
import type { PlannedCall } from '../kms/planned-call.js'
import type { Response } from '../router/path.js'
import { createOverlayStore } from '../store/index.js'
import type { EngineOptions } from '../open-engine.js'

/** Returns the options of a dry run, which adds the calls that would change AWS to `calls`. */
export function dryRun(calls: PlannedCall[]): NonNullable<EngineOptions['dryRun']> {
  const plan = planCalls(calls)
  return { middleware: () => [plan], store: createOverlayStore }
}

/** Returns the calls of a dry run as a response. */
export function describePlan(calls: readonly PlannedCall[]): Response {
  const cost = calls.reduce((total, { monthlyCost }) => total + monthlyCost, 0)
  return {
    data: {
      calls: calls.map(({ operation, region, kmsKey, alias, monthlyCost }) => ({
        operation,
        region,
        kms_key: kmsKey,
        alias: alias ?? '',
        monthly_cost_usd: monthlyCost,
      })),
      monthly_cost_usd: cost,
    },
    rows: calls.map(({ operation, region, kmsKey, alias }) => ({
      Call: operation,
      Region: region,
      'KMS key': kmsKey,
      Alias: alias ?? '',
    })),
    warnings: [
      calls.length === 0
        ? 'Nothing was changed. The command would change nothing in AWS.'
        : `Nothing was changed. These calls to AWS would ${effectOn(cost)} the monthly bill.`,
    ],
  }
}

/** The effect of a monthly cost in US dollars, as a verb. */
function effectOn(cost: number): string {
  if (cost === 0) return 'not change'
  return cost > 0 ? `add $${cost.toFixed(2)} to` : `take $${(-cost).toFixed(2)} off`
}
