import { KMSClient } from '@aws-sdk/client-kms'
import { awsKms, type KmsProvider } from '../../../src/index.js'
import type { Operator } from './operator.js'

/** A KMS that the suite runs against. */
export interface Site {
  readonly name: string
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
  /** Ends the run. */
  readonly signal: AbortSignal
  /** How long one check may take. */
  readonly checkMs: number
  /** Everybody who has worked on it with the binary. */
  readonly operators: Operator[]
}

/** The tag of what the suite makes without the binary. */
export const RUN_TAG = 'keymgmt:conformance'

/** What a stored provider would have as its credentials. */
export function credentialsOf({ endpoint, pair }: Site): Record<string, string> {
  return { ...(endpoint && { endpoint }), ...(pair && { access_key: pair.id, secret_key: pair.secret }) }
}

/** Our own provider at the site, as the core opens it. */
export async function providerAt(site: Site): Promise<KmsProvider> {
  return awsKms({ env: process.env, signal: site.signal }).open({ region: site.home, credentials: credentialsOf(site) })
}

/** A client of the site that shares nothing with our provider. */
export function clientAt({ endpoint, pair }: Site, region: string): KMSClient {
  return new KMSClient({
    region,
    ...(endpoint && { endpoint }),
    ...(pair && { credentials: { accessKeyId: pair.id, secretAccessKey: pair.secret } }),
  })
}
