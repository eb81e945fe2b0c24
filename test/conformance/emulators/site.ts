import { KMSClient } from '@aws-sdk/client-kms'
import { awsKms, type KmsProvider } from '../../../src/index.js'
import type { Operator } from './operator.js'
import type { Place } from './suite.js'

/** A KMS that the suite runs against. */
export interface Site extends Place {
  /** Undefined for AWS's own. */
  readonly endpoint: string | undefined
  /** The pair that it is given; undefined to take what the environment has. */
  readonly pair: { readonly id: string; readonly secret: string } | undefined
  /** The Region that KMS keys are made in, and two that they are replicated to. */
  readonly home: string
  readonly replicas: readonly [string, string]
  /** Tells what this run made from everything else in the account. */
  readonly runId: string
  /** A folder for the stores of its operators. */
  readonly folder: string
  /** Everybody who has worked on it with the binary. */
  readonly operators: Operator[]
}

/** The tag of what the suite makes without the binary. */
export const RUN_TAG = 'keymgmt:conformance'

/** What a stored provider would have as its credentials. */
export function credentialsOf({ endpoint, pair }: Site): Record<string, string> {
  return {
    ...(endpoint && { endpoint }),
    ...(pair && { access_key: pair.id, secret_key: pair.secret }),
  }
}

/** Our own provider at the site, as the core opens it. */
export async function providerAt(site: Site): Promise<KmsProvider> {
  return awsKms({ env: process.env, signal: site.signal }).open({
    region: site.home,
    credentials: credentialsOf(site),
  })
}

/** A client of the site that shares nothing with our provider. */
export function clientAt({ endpoint, pair }: Site, region: string): KMSClient {
  return new KMSClient({
    region,
    ...(endpoint && { endpoint }),
    ...(pair && { credentials: { accessKeyId: pair.id, secretAccessKey: pair.secret } }),
  })
}

/**
 * What `KEYMGMT_CONFORMANCE_ENDPOINT` names, with the credentials that the environment has;
 * undefined where it names nothing.
 * @throws Error when the Region is missing, or `aws` is meant and something else would answer.
 */
export function chosenSite(
  env: NodeJS.ProcessEnv,
): Pick<Site, 'name' | 'endpoint' | 'home' | 'replicas' | 'checkMs'> | undefined {
  const chosen = env.KEYMGMT_CONFORMANCE_ENDPOINT
  if (!chosen) return undefined
  const home = env.AWS_REGION
  if (!home) throw new Error('set AWS_REGION to the Region that the KMS keys are to be made in')
  const [one = '', other = ''] = ['us-east-1', 'eu-west-1', 'us-west-2'].filter(
    (region) => region !== home,
  )
  const diverted = ['AWS_KMS_ENDPOINT', 'AWS_ENDPOINT_URL_KMS', 'AWS_ENDPOINT_URL'].find(
    (name) => env[name],
  )
  if (chosen === 'aws' && diverted)
    throw new Error(
      `${diverted} is set: unset it, or give its value as KEYMGMT_CONFORMANCE_ENDPOINT`,
    )
  // AWS needs about a minute to make a replica.
  return {
    name: chosen,
    endpoint: chosen === 'aws' ? undefined : chosen,
    home,
    replicas: [one, other],
    checkMs: 600_000,
  }
}
