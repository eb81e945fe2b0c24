import assert from 'node:assert/strict'
import type { CheckGroup } from '../suite.js'
import { COMMANDS } from './commands.js'
import { CONTRACT } from './contract.js'
import { KILLS } from './kills.js'
import { LOAD } from './load.js'
import type { S3Place } from './place.js'

/** The checks of a server that honours the conditions of requests. */
export const S3_GROUPS: readonly CheckGroup<S3Place>[] = [CONTRACT, COMMANDS, KILLS, LOAD]

/** The refusal of a server that ignores conditions. */
export function refusalOf({ breaks }: { readonly breaks: string }): CheckGroup<S3Place> {
  return {
    name: 'the self-test',
    checks: ({ withUser }) =>
      ['operator check', 'operator init'].map((line) => ({
        name: `${line} refuses the server, and names the rule that it breaks`,
        run: () =>
          withUser(async ({ run }) => {
            const { status, stdout, stderr } = await run(line)
            assert.deepEqual([status, stdout], [2, ''], stderr)
            const said = stderr.replace(/\s+/g, ' ')
            assert.ok(said.includes(`it breaks the rule "${breaks}"`), stderr)
            assert.match((await run('list keymgmt/key')).stderr, /there is no store in/)
          }),
      })),
  }
}
