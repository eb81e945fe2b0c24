import { expect, it, test } from '@jest/globals'
import { lstatSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { printError } from '../../../src/cli/output/error.js'
import { systemError } from '../../../src/cli/system-error.js'

/** The errno of an error that the operating system returns, as Node.js presents it. */
function refused(action: () => void): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

test.each([
  [
    () => {
      readFileSync('/none/file')
    },
    "/none/file can't be opened: no such file or directory",
  ],
  [
    () => {
      mkdirSync('/dev/null/home')
    },
    "/dev/null/home can't be created: not a directory",
  ],
  [
    () => {
      lstatSync('/dev/null/x')
    },
    "/dev/null/x can't be examined: not a directory",
  ],
  [
    () => {
      readFileSync('/')
    },
    "a file (read) can't be read: is a directory",
  ],
])('%p is not a bug of keymgmt', (action, message) => {
  expect(systemError(refused(action))).toMatchObject({ code: 'SYSTEM_FAILED', message })
})

it('names the address that is in use', async () => {
  const one = createServer()
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))
  const { port } = one.address() as { port: number }
  const error = await new Promise<Error>((resolve) => {
    createServer().on('error', resolve).listen(port, '127.0.0.1')
  })
  one.close()
  expect(systemError(error)).toMatchObject({
    code: 'SYSTEM_FAILED',
    message: `127.0.0.1:${port} can't be listened on: address already in use`,
    hints: ['use another port, or 0 for a free one'],
  })
})

it.each(['EACCES', 'EPERM', 'ENOTDIR', 'ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENEWONE'])(
  'prints %s with the path, and not as a bug',
  (code) => {
    let printed = ''
    const error = Object.assign(new Error(`${code}: x`), {
      code,
      errno: -1,
      syscall: 'open',
      path: '/srv/x',
    })
    const io = { env: {}, err: (text: string) => (printed += text) }
    expect(printError(io as never, error, 'Error reading keymgmt/key/app', 'json')).toBe(2)
    expect(JSON.parse(printed)).toMatchObject({ error: { code: 'SYSTEM_FAILED' } })
    expect(printed).toContain("/srv/x can't be opened: ")
  },
)

it('leaves every other error unchanged', () => {
  expect(systemError(new TypeError('x'))).toBeUndefined()
  expect(systemError(Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG' }))).toBeUndefined()
  expect(systemError('EACCES')).toBeUndefined()
})
