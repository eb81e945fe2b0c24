import { CreateKeyCommand } from '@aws-sdk/client-kms'
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { FIRST_KINDS, nameOf, type Kind } from '../kinds.js'
import { hire, refused, stateOf, type Operator } from '../operator.js'
import { clientAt, RUN_TAG, type Site } from '../site.js'
import type { Check, Group } from '../suite.js'

const PATH = 'keymgmt/kms/k/key/app'
/** One type for each way in which a KMS key can show what it holds. */
const ADOPTED = FIRST_KINDS.filter(({ type }) => ['aes256-gcm96', 'rsa-2048', 'ecdsa-p256', 'ed25519', 'hmac-sha512'].includes(type))

/** Taking KMS keys under management that are there already. */
export const ADOPTION: Group = {
  name: 'binary, adopt',
  kmsKeys: ADOPTED.length * 3 + 1,
  checks: (site) => [...ADOPTED.flatMap((kind) => [adopts(site, kind), refusesOther(site, kind)]), refusesUnfit(site)],
}

/** A KMS key with the material of `app`, that the store has lost all knowledge of. */
async function orphan(site: Site, operator: Operator, { type, purpose }: Kind): Promise<string> {
  const kept = mkdtempSync(join(site.folder, 'kept-'))
  await operator.ok(`write -f keymgmt/key/app type=${type}`)
  cpSync(operator.home, kept, { recursive: true })
  await operator.ok(`write ${PATH} purpose=${purpose.join(',')}`)
  const { 1: id = '' } = await operator.versions('app')
  rmSync(operator.home, { recursive: true })
  cpSync(kept, operator.home, { recursive: true })
  return id
}

function adopts(site: Site, kind: Kind): Check {
  return { name: `a KMS key of ${nameOf(kind)} with our material`, run: async () => {
    const operator = await hire(site)
    const id = await orphan(site, operator, kind)
    await operator.ok(`write ${PATH}/adopt key_id=${id}`)
    assert.equal((await operator.versions('app'))['1'], id)
    await operator.ok('write -f keymgmt/key/app/rotate')
    assert.equal((await operator.run(`read ${PATH}/verify`)).status, 0)
  } }
}

function refusesOther(site: Site, kind: Kind): Check {
  return { name: `not a KMS key of ${nameOf(kind)} with other material`, run: async () => {
    const operator = await hire(site)
    const id = await orphan(site, operator, kind)
    await operator.ok(`write -f keymgmt/key/other type=${kind.type}`)
    await refused(operator, `write keymgmt/kms/k/key/other/adopt key_id=${id}`, 'does not hold version 1 of other')
    assert.equal(await stateOf(site, site.home, id), 'Enabled')
  } }
}

function refusesUnfit(site: Site): Check {
  return { name: 'neither what is not there nor what AWS made the material of', run: async () => {
    const operator = await hire(site)
    await operator.ok('write -f keymgmt/key/app type=aes256-gcm96')
    const made = await clientAt(site, site.home).send(new CreateKeyCommand({ Tags: [{ TagKey: RUN_TAG, TagValue: site.runId }] }))
    await refused(operator, `write ${PATH}/adopt key_id=${made.KeyMetadata?.KeyId ?? ''}`, 'EXTERNAL')
    await refused(operator, `write ${PATH}/adopt key_id=00000000-0000-4000-8000-000000000000`, 'there is no KMS key')
  } }
}
