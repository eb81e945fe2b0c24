import assert from 'node:assert/strict'
import { KeymgmtError, type ErrorCode, type KeyTypeName } from '../../../../src/index.js'
import type { KmsKey } from '../../../../src/kms/kms-key.js'
import type { KmsProvider } from '../../../../src/kms/provider.js'
import { kindOf, materialOf } from '../kinds.js'
import { providerAt, type Site } from '../site.js'
import { once, type Check, type Group } from '../suite.js'
import { makeEmpty } from './type.js'

/** The errors of a provider about a KMS key that does not exist. */
export const ABSENT: Group = { name: 'contract, no such KMS key', kmsKeys: 0, checks: absentChecks }

const NOBODY: KmsKey = { id: '00000000-0000-4000-8000-000000000000', arn: '' }

function absentChecks(site: Site): Check[] {
  const answers: readonly (readonly [string, (provider: KmsProvider) => Promise<unknown>])[] = [
    ['inspect', (provider) => provider.inspect(site.home, NOBODY)],
    ['findReplica', (provider) => provider.findReplica(NOBODY, site.home, new Date(0))],
    [
      'findByOperation',
      async (provider) =>
        (await provider.findByOperation(new Set(['nobody']), new Date(0))).get('nobody'),
    ],
  ]
  const refusals: readonly (readonly [string, (provider: KmsProvider) => Promise<unknown>])[] = [
    ['scheduleDeletion', (provider) => provider.scheduleDeletion(site.home, NOBODY, 7)],
    ['cancelDeletion', (provider) => provider.cancelDeletion(site.home, NOBODY)],
    ['enable', (provider) => provider.enable(site.home, NOBODY)],
    ['disable', (provider) => provider.disable(site.home, NOBODY)],
    ['deleteMaterial', (provider) => provider.deleteMaterial(site.home, NOBODY)],
    ['tagsOf', (provider) => provider.tagsOf(site.home, NOBODY)],
    ['tag', (provider) => provider.tag(site.home, NOBODY, { a: 'b' })],
  ]
  return [
    ...answers.map(([name, call]) => ({
      name: `${name} answers nothing`,
      run: async () => {
        assert.equal(await call(await providerAt(site)), undefined)
      },
    })),
    ...refusals.map(([name, call]) => ({
      name: `${name} says so`,
      run: async () => {
        await refused('KMS_KEY_NOT_FOUND', call(await providerAt(site)))
      },
    })),
  ]
}

/** Operations that AWS refuses in a state of a KMS key. A provider passes the refusals on. */
export const STATES: Group = {
  name: 'contract, refused in that state',
  kmsKeys: 2,
  checks: stateChecks,
}

function stateChecks(site: Site): Check[] {
  const empty = once(() => makeEmpty(site, kindOf('aes256-gcm96')))
  const other = once(() => makeEmpty(site, kindOf('aes256-gcm96')))
  const leaving = async () => {
    const made = await other()
    await made.provider.scheduleDeletion(site.home, made.key, 7)
    return made
  }
  const calls: readonly (readonly [
    string,
    typeof empty,
    (provider: KmsProvider, key: KmsKey) => Promise<unknown>,
  ])[] = [
    ['enable while it has no material', empty, (provider, key) => provider.enable(site.home, key)],
    [
      'disable while it has no material',
      empty,
      (provider, key) => provider.disable(site.home, key),
    ],
    [
      'enable while it is to be deleted',
      leaving,
      (provider, key) => provider.enable(site.home, key),
    ],
    [
      'disable while it is to be deleted',
      leaving,
      (provider, key) => provider.disable(site.home, key),
    ],
    [
      'tag while it is to be deleted',
      leaving,
      (provider, key) => provider.tag(site.home, key, { a: 'b' }),
    ],
    [
      'pointAlias at what is to be deleted',
      leaving,
      (provider, key) =>
        provider.pointAlias(site.home, `alias/hashicorp/conformance-refused-${site.runId}`, key, {
          keys: new Set(),
          exists: false,
        }),
    ],
    [
      'importMaterial while it is to be deleted',
      leaving,
      async (provider, key) =>
        provider.importMaterial(
          site.home,
          key,
          'aes256-gcm96',
          await materialOf('aes256-gcm96', 'ours'),
        ),
    ],
  ]
  return calls.map(([name, given, call]) => ({
    name,
    run: async () => {
      const { provider, key } = await given()
      await refused('KMS_FAILED', call(provider, key))
    },
  }))
}

/** Material that does not fit the KMS key's type. AWS refuses it after it has unwrapped it. */
const UNFIT: readonly (readonly [KeyTypeName, string, () => Promise<Uint8Array>])[] = [
  ['aes256-gcm96', '16 bytes', () => Promise.resolve(new Uint8Array(16).fill(7))],
  ['hmac-sha256', '16 bytes', () => Promise.resolve(new Uint8Array(16).fill(7))],
  ['ecdsa-p256', 'a key on P-384', () => materialOf('ecdsa-p384', 'ours')],
  ['rsa-2048', 'a key of 3072 bits', () => materialOf('rsa-3072', 'ours')],
  ['ecdsa-p256', 'bytes that are no PKCS#8', () => Promise.resolve(new Uint8Array(138).fill(7))],
]

/**
 * Imports that AWS refuses. A provider passes the refusals on, and does not send the request again.
 */
export const MATERIALS: Group = {
  name: 'contract, refused as material',
  kmsKeys: UNFIT.length,
  checks: (site) =>
    UNFIT.map(([type, what, material]) => ({
      name: `${what} for ${type}`,
      run: async () => {
        const { provider, key } = await makeEmpty(site, kindOf(type))
        await refused('KMS_FAILED', provider.importMaterial(site.home, key, type, await material()))
        assert.equal((await provider.inspect(site.home, key))?.state, 'pending-import')
      },
    })),
}

async function refused(code: ErrorCode, call: Promise<unknown>): Promise<void> {
  const answer = await call.then(
    () => 'it was done',
    (error: unknown) => error,
  )
  if (!(answer instanceof KeymgmtError))
    throw answer instanceof Error ? answer : new Error('it was not refused')
  assert.equal(answer.code, code, `${answer.code}: ${answer.message}`)
}
