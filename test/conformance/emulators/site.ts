import { KMSClient } from '@aws-sdk/client-kms'
import { awsKms, type KmsProvider } from '../../../src/index.js'
import type { Operator } from './operator.js'
import type { Place } from './suite.js'

/** A KMS that the suite runs against. */
export interface Site extends Place {
  /** Undefined for AWS itself. */
  readonly endpoint: string | undefined
  /** The access key pair; undefined to use the credentials of the environment. */
  readonly pair: { readonly id: string; readonly secret: string } | undefined
  /** The Region in which KMS keys are created, and two to which they are replicated. */
  readonly home: string
  readonly replicas: readonly [string, string]
  /** Distinguishes the KMS keys of this run from everything else in the account. */
  readonly runId: string
  /** A folder for the stores of its operators. */
  readonly folder: string
  /** All operators that have used it with the binary. */
  readonly operators: Operator[]
}

/** The tag of the KMS keys that the suite creates without the binary. */
export const RUN_TAG = 'keymgmt:conformance'

/** Returns the site's credentials as a provider stores them. */
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
 * Returns the site that `KEYMGMT_CONFORMANCE_ENDPOINT` names, with the credentials of the
 * environment; undefined if it is not set.
 * @throws Error if the Region is missing, or if it is `aws` and the environment names another
 * endpoint.
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
  // AWS needs about a minute to create a replica.
  return {
    name: chosen,
    endpoint: chosen === 'aws' ? undefined : chosen,
    home,
    replicas: [one, other],
    checkMs: 600_000,
  }
}
