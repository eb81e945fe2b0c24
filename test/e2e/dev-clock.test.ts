import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestbed, type Ran, type Testbed } from '../support/keymgmt.js'

let testbed: Testbed
let clock: string
beforeEach(async () => {
  testbed = await createTestbed()
  clock = join(testbed.home, 'clock')
})
afterEach(() => testbed.close())

const KEYMGMT = `keymgmt() { '${process.execPath}' bin/keymgmt.js "$@"; }`
const DISTRIBUTE = [
  'keymgmt write keymgmt/kms/k provider=awskms key_collection=us-west-1',
  'keymgmt write -f keymgmt/key/trial type=aes256-gcm96',
  'keymgmt write keymgmt/kms/k/key/trial purpose=encrypt,decrypt',
].join('\n')
const CREATED = `'${process.execPath}' -e "import('@aws-sdk/client-kms').then(async ({ KMS, ListKeysCommand }) => {
  const kms = new KMS({ region: 'us-west-1' })
  const { Keys } = await kms.send(new ListKeysCommand())
  for (const { KeyId } of Keys) {
    const { KeyMetadata } = await kms.describeKey({ KeyId })
    console.log(KeyMetadata.CreationDate.toISOString())
  }
})"`

/** Runs a script of sh under `keymgmt dev -clock`. */
const dev = (script: string): Promise<Ran> =>
  testbed.run(['dev', `-clock=${clock}`, '--', 'sh', '-euc', `${KEYMGMT}\n${script}`])

/** The days from now until each date in a text. */
const daysUntil = (text: string) =>
  [...text.matchAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g)].map(([date]) =>
    Math.abs(Math.round((Date.parse(date) - Date.now()) / 86_400_000)),
  )

describe('keymgmt dev -clock', () => {
  it('moves the clock of records and of the embedded KMS, each time that the file changes', async () => {
    const read = 'keymgmt read -field=distribution_time keymgmt/kms/k/key/trial'
    const { status, stdout } = await dev(
      `{ ${DISTRIBUTE}; } > /dev/null; ${read}; ${CREATED}
      echo 30d > '${clock}'
      keymgmt write -f keymgmt/key/trial/rotate > /dev/null
      keymgmt read -field=versions keymgmt/key/trial; ${CREATED}`,
    )
    expect(status).toBe(0)
    expect(daysUntil(stdout).sort()).toEqual([0, 0, 0, 0, 30, 30])
  })

  it('moves it backwards too, and lets AWS delete KMS keys', async () => {
    const { status, stdout, stderr } = await dev(
      `echo -1h > '${clock}'
      ${DISTRIBUTE}
      keymgmt delete keymgmt/kms/k/key/trial
      echo '60d' > '${clock}'
      echo deleted: $(${CREATED})
      keymgmt write keymgmt/key/trial deletion_allowed=true
      keymgmt delete keymgmt/key/trial`,
    )
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^deleted:$/m)])
    expect(stderr).not.toContain('Signature')
  })

  it('names the file in the error if it has no duration', async () => {
    writeFileSync(clock, 'tomorrow')
    const problem = `the clock of keymgmt dev can't be read: the file ${clock} has no duration`
    expect(await dev('true')).toMatchObject({ status: 1, stderr: expect.stringContaining(problem) })
    writeFileSync(clock, '')
    const { status, stderr } = await dev(
      `echo '40000d' > '${clock}'; keymgmt write -f keymgmt/key/trial`,
    )
    expect([status, stderr]).toEqual([1, expect.stringContaining(problem)])
    expect((await dev('true')).status).toBe(1)
    writeFileSync(clock, '1d')
    const asked = await dev(`echo no > '${clock}'; ${CREATED}`)
    expect(asked.stderr).toContain(problem)
  })

  it('refuses a file that is not regular', async () => {
    mkdirSync(clock)
    const { status, stderr } = await dev('true')
    expect([status, stderr]).toEqual([1, expect.stringContaining(`${clock} is not a regular file`)])
  })

  it('sends nothing to an endpoint that is not on this machine', async () => {
    const away = 'credentials=endpoint=https://kms.example.com'
    const { status, stderr } = await dev(
      DISTRIBUTE.replace('provider=awskms', `provider=awskms ${away}`),
    )
    expect(status).toBe(2)
    expect(stderr).toContain(
      'the endpoint https://kms.example.com is not on this machine, and keymgmt dev -clock has moved the clock',
    )
  })
})

describe('KEYMGMT_DEV_CLOCK', () => {
  it('signs each request by the moved clock, so that the embedded KMS accepts it', async () => {
    writeFileSync(clock, '+90d\n')
    const moved = await createTestbed({ now: () => new Date(Date.now() + 90 * 86_400_000) })
    const env = { KEYMGMT_DEV_CLOCK: clock, KEYMGMT_DEV: '1' }
    for (const line of DISTRIBUTE.split('\n'))
      await moved.ok(line.replace(/^keymgmt /, ''), { env })
    expect(moved.requests.filter(({ error }) => error !== undefined)).toEqual([])
    expect(moved.requests.length).toBeGreaterThan(4)
    await moved.close()
  })

  it('is refused outside keymgmt dev', async () => {
    writeFileSync(clock, '30d')
    const env = { KEYMGMT_DEV_CLOCK: clock }
    const { status, stderr } = await testbed.run('list keymgmt/key', { env })
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('KEYMGMT_DEV_CLOCK is set, but this is not keymgmt dev'),
    ])
  })

  it('is removed by keymgmt dev without -clock', async () => {
    const env = { KEYMGMT_DEV_CLOCK: clock }
    const { stdout } = await testbed.run(['dev', '--', 'sh', '-c', 'echo "<$KEYMGMT_DEV_CLOCK>"'], {
      env,
    })
    expect(stdout).toBe('<>\n')
  })
})
