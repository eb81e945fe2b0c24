import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** LocalStack's last open release uses Python 3.12's syntax, and its pins know none beyond 3.13. */
const VERSIONS = ['3.13', '3.12']

/**
 * A Python that the emulators run on: the one that `KEYMGMT_CONFORMANCE_PYTHON` names, one on the PATH, or one of pyenv's.
 * @throws Error that says what was looked for, when there is none.
 */
export async function findPython(env: NodeJS.ProcessEnv): Promise<string> {
  const chosen = env.KEYMGMT_CONFORMANCE_PYTHON
  const candidates = chosen ? [chosen] : [...VERSIONS.map((version) => `python${version}`), 'python3', 'python', ...(await pyenvPythons())]
  for (const candidate of candidates) {
    if (VERSIONS.includes(await versionOf(candidate))) return candidate
  }
  throw new Error(`no Python ${VERSIONS.join(' or ')} among ${candidates.join(', ')}: install one, or name it with KEYMGMT_CONFORMANCE_PYTHON`)
}

async function versionOf(python: string): Promise<string> {
  const asked = await run(python, ['-c', 'import sys, ensurepip, venv; print("%d.%d" % sys.version_info[:2])']).catch(() => undefined)
  return asked?.stdout.trim() ?? ''
}

/** What pyenv has, whichever of it is switched on. */
async function pyenvPythons(): Promise<string[]> {
  const asked = await run('pyenv', ['root']).catch(() => undefined)
  if (!asked) return []
  const versions = join(asked.stdout.trim(), 'versions')
  return readdirSync(versions).filter((name) => VERSIONS.some((version) => name.startsWith(`${version}.`))).map((name) => join(versions, name, 'bin', 'python3'))
}
