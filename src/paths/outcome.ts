import type { Outcome } from '../core/engine.js'
import type { Json } from '../router/values.js'

/** Returns an outcome as data. */
export function outcomeData(outcome: Outcome): Record<string, Json> {
  const { provider, region, version, alias, action, state, reason, wayOut } = outcome
  return {
    provider,
    region,
    version: version ?? 0,
    ...(alias !== undefined && { alias }),
    action,
    state,
    ...(reason !== undefined && { reason }),
    ...(wayOut !== undefined && { way_out: wayOut }),
  }
}

/** Returns an outcome as one line for a person. */
export function outcomeLine(outcome: Outcome): string {
  const { provider, region, version, alias, action, state, reason, wayOut } = outcome
  const subject = alias ?? `version ${version ?? 0}`
  const why = reason === undefined ? '' : `: ${reason}`
  const out = wayOut === undefined ? '' : ` | next step: ${wayOut}`
  return `${state}: ${provider}, ${region}, ${subject}, ${action}${why}${out}`.replace(/\s+/g, ' ')
}
