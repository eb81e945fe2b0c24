import { randomUUID } from 'node:crypto'
import type { Site } from './site.js'

const CHECK_MS = 600_000

/**
 * The site that `KEYMGMT_CONFORMANCE_ENDPOINT` names, with the credentials that the environment has; undefined where it
 * names none.
 * @throws Error when `aws` is meant, and something else would answer.
 */
export function chosenSite(env: NodeJS.ProcessEnv, folder: string, signal: AbortSignal): Site | undefined {
  const chosen = env.KEYMGMT_CONFORMANCE_ENDPOINT
  if (!chosen) return undefined
  const home = env.AWS_REGION ?? ''
  if (!/^(us|ca|sa|eu|ap|me|af|il|mx)-[a-z]+-\d$/.test(home)) throw new Error('set AWS_REGION to a Region of the aws partition')
  const [one = '', other = ''] = ['us-east-1', 'eu-west-1', 'us-west-2'].filter((region) => region !== home)
  const isAws = chosen === 'aws'
  if (isAws) assertAws(env)
  return {
    name: isAws ? 'aws' : new URL(chosen).host, endpoint: isAws ? undefined : chosen, pair: undefined, home, replicas: [one, other],
    runId: randomUUID(), folder, signal, checkMs: CHECK_MS, operators: [],
  }
}

function assertAws(env: NodeJS.ProcessEnv): void {
  for (const name of ['AWS_KMS_ENDPOINT', 'AWS_ENDPOINT_URL_KMS', 'AWS_ENDPOINT_URL']) {
    if (env[name]) throw new Error(`${name} is set: unset it, or give its value as KEYMGMT_CONFORMANCE_ENDPOINT`)
  }
}

/** @throws Error unless whoever pays for the KMS keys has agreed to it. */
export function confirm({ endpoint }: Site, env: NodeJS.ProcessEnv): void {
  const isLoopback = endpoint !== undefined && /^(127\.|localhost$|\[::1\]$)/.test(new URL(endpoint).hostname)
  if (!isLoopback && env.KEYMGMT_CONFORMANCE_CONFIRM !== 'yes') throw new Error('nothing was done: set KEYMGMT_CONFORMANCE_CONFIRM=yes to go ahead')
}
