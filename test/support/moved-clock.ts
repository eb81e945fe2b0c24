import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestbed, type RunOptions, type Testbed } from './keymgmt.js'

export const DAY_MS = 86_400_000

/** A testbed with a clock that the KMS, the commands and the clients share. */
export interface MovedClockTestbed extends Testbed {
  /** Sets the clock to `days` after now. */
  setDays(days: number): void
}

/** Creates a testbed whose clock shows the time of this machine, until it is moved. */
export async function createMovedClockTestbed(): Promise<MovedClockTestbed> {
  let ahead = 0
  const testbed = await createTestbed({ now: () => new Date(Date.now() + ahead * DAY_MS) })
  const clock = join(testbed.home, 'clock')
  const setDays = (days: number) => {
    ahead = days
    writeFileSync(clock, `${days}d`)
  }
  const moved = (options: RunOptions = {}): RunOptions => ({
    ...options,
    env: { KEYMGMT_DEV_CLOCK: clock, KEYMGMT_DEV: '1', ...options.env },
  })
  setDays(0)
  return {
    ...testbed,
    setDays,
    run: (line, options) => testbed.run(line, moved(options)),
    ok: (line, options) => testbed.ok(line, moved(options)),
    client: (region) => {
      const client = testbed.client(region)
      client.config.systemClockOffset = ahead * DAY_MS
      return client
    },
  }
}
