import { DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms'
import { openConnection } from '../../aws/connection.js'
import { regionIn } from '../kms-key.js'
import { addMiddleware, createClients } from './client.js'
import { inspectKey } from './keys.js'
import type { AwsOptions } from './provider.js'
import { createRateLimiter } from './rate-limiter.js'
import { retryWithin } from './retry.js'
import type { Session } from './session.js'

type EncryptionContext = Readonly<Record<string, string>>

/**
 * Opens the KMS key with this ARN, which seals a store, with the credentials of the environment. It
 * is outside the keys that keymgmt manages, so no provider and no dry run knows of its requests.
 */
export async function openSealKey(arn: string, options: AwsOptions) {
  const session = await openSession(regionIn(arn) ?? '', options)
  const { client } = session
  return {
    async describe() {
      const status = await inspectKey(session, arn)
      return (
        status && {
          state: status.state,
          isExternal: status.external,
          isSymmetric: status.kind?.type === 'aes256-gcm96',
        }
      )
    },
    async encrypt(Plaintext: Uint8Array, context: EncryptionContext): Promise<Uint8Array> {
      const input = { KeyId: arn, Plaintext, EncryptionContext: { ...context } }
      return (await client.send(new EncryptCommand(input))).CiphertextBlob ?? new Uint8Array()
    },
    async decrypt(CiphertextBlob: Uint8Array, context: EncryptionContext): Promise<Uint8Array> {
      const input = { KeyId: arn, CiphertextBlob, EncryptionContext: { ...context } }
      return (await client.send(new DecryptCommand(input))).Plaintext ?? new Uint8Array()
    },
  }
}

async function openSession(region: string, options: AwsOptions): Promise<Session> {
  const connection = await openConnection({ region, credentials: {} }, options)
  const { kms, endpoint, sts } = await createClients(region, connection, options)
  const host = URL.canParse(endpoint.origin) ? new URL(endpoint.origin).host : undefined
  addMiddleware(kms, region, [
    retryWithin(createRateLimiter(!endpoint.isLoopback), options, { host }),
  ])
  return { region, client: kms, sts, endpoint, signal: options.signal, settlingMs: 0 }
}
