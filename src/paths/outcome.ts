import type { Outcome } from '../core/engine.js'
import type { Json } from '../router/values.js'

/** Returns an outcome as data. */
export function outcomeData(outcome: Outcome): Record<string, Json> {
  const { provider, region, version, alias, action, state, reason, nextStep } = outcome
  return {
    provider,
    region,
    version: version ?? 0,
    ...(alias !== undefined && { alias }),
    action,
    state,
    ...(reason !== undefined && { reason }),
    ...(nextStep !== undefined && { next_step: nextStep }),
  }
}

/** Returns an outcome as one line for a person. */
export function outcomeLine(outcome: Outcome): string {
  const { provider, region, version, alias, action, state, reason, nextStep } = outcome
  const subject = alias ?? `version ${version ?? 0}`
  const why = reason === undefined ? '' : `: ${reason}`
  const out = nextStep === undefined ? '' : ` | next step: ${nextStep}`
  return `${state}: ${provider}, ${region}, ${subject}, ${action}${why}${out}`.replace(/\s+/g, ' ')
}
