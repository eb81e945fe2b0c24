import { rehearseAwsKms } from '../kms/aws/dry-run.js'
import type { RehearsedCall } from '../kms/planned-call.js'
import type { Response } from '../router/path.js'
import { createOverlayStore } from '../store/index.js'
import type { EngineOptions } from '../open-engine.js'

/** A rehearsal that writes down in `calls` what would be asked of AWS. */
export function rehearse(calls: RehearsedCall[]): NonNullable<EngineOptions['rehearsal']> {
  return { kind: (kind) => rehearseAwsKms(kind, calls), store: createOverlayStore }
}

/** The calls of a rehearsal as an answer. */
export function describeRehearsal(calls: readonly RehearsedCall[]): Response {
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
        ? 'Nothing was changed. It would make no call to AWS that changes anything.'
        : `Nothing was changed. These calls to AWS would change its monthly bill by ${cost.toFixed(2)} US dollars.`,
    ],
  }
}
