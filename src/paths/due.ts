import type { DueKey } from '../core/operations/due.js'
import type { Json } from '../router/values.js'

/** Returns a key that is due as data. */
export function dueData(key: DueKey): Record<string, Json> {
  const { name, latestVersion, pendingVersion, behind, rotationPeriod, nextRotation } = key
  return {
    key: name,
    latest_version: latestVersion,
    reasons: reasonsOf(key),
    ...(nextRotation && {
      rotation_period: rotationPeriod,
      next_rotation: nextRotation.toISOString(),
    }),
    ...(pendingVersion !== undefined && { pending_version: pendingVersion }),
    ...(behind.length > 0 && {
      behind: behind.map(({ providerName, versions, behind: why }) => ({
        provider: providerName,
        versions,
        ...(why && { since: why.since, reason: why.reason }),
      })),
    }),
  }
}

function reasonsOf({ overAge, pendingVersion, behind }: DueKey): string[] {
  return [
    ...(overAge ? ['age'] : []),
    ...(pendingVersion === undefined ? [] : ['pending']),
    ...(behind.length > 0 ? ['behind'] : []),
  ]
}

/** Returns the reasons why a key is due, in words. */
export function describeDue(key: DueKey): string {
  const { overAge, pendingVersion, behind, nextRotation } = key
  return [
    ...(overAge && nextRotation ? [`its rotation was due on ${nextRotation.toISOString()}`] : []),
    ...(pendingVersion === undefined
      ? []
      : [`its rotation to version ${pendingVersion} did not finish`]),
    ...behind.map(
      ({ providerName, versions, behind: why }) =>
        `${providerName} lacks version ${versions.join(', ')}${why ? `: ${why.reason}` : ''}`,
    ),
  ].join('; ')
}
