import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

/** A program that is installed, with the arguments that precede its own. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
}

/**
 * Runs one step of an installation. The step rejects if the command fails or does not exist, with
 * the end of what it printed.
 */
export type RunStep = (command: string, args: readonly string[]) => Promise<void>

/** Installs a program in `folder`. A missing tool is an error. */
export type Install = (folder: string, runStep: RunStep) => Promise<Program>

/**
 * LocalStack's last open release needs Python 3.13 (`warnings.deprecated`), and pins packages of
 * that time.
 */
const PYTHON = '3.13'

const MAVEN_COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy'

/** Installs the packages of a file in `requirements/` into a virtual environment. */
export function pythonPackages(requirements: string): Install {
  return async (folder, runStep) => {
    const pinned = resolve('test/conformance/emulators/requirements', requirements)
    const venv = join(folder, 'venv')
    const command = join(venv, 'bin', 'python')
    await runStep(await findPython(), ['-m', 'venv', venv])
    const quietly = ['--quiet', '--no-compile', '--disable-pip-version-check']
    await runStep(command, ['-m', 'pip', 'install', ...quietly, '-r', pinned])
    return { command, args: [] }
  }
}

/** Builds the Go module in a folder of this repository. Its go.sum pins all of its modules. */
export function goModule(module: string): Install {
  return async (folder, runStep) => {
    const command = join(folder, 'server')
    await runStep('go', ['build', '-C', resolve(module), '-mod=readonly', '-o', command, '.'])
    return { command, args: [] }
  }
}

/** Fetches a JAR with Maven. `artifact` is group:artifact:version:jar:classifier. */
export function mavenJar(artifact: string, mainClass: string): Install {
  return async (folder, runStep) => {
    const jars = join(folder, 'jars')
    await runStep('mvn', [
      '-q',
      '-B',
      MAVEN_COPY,
      `-Dartifact=${artifact}`,
      `-DoutputDirectory=${jars}`,
    ])
    return { command: 'java', args: ['-cp', join(jars, '*'), mainClass] }
  }
}

/**
 * Returns the Python for the emulators, from the PATH or from pyenv.
 * @throws Error with the required version if neither has it.
 */
async function findPython(): Promise<string> {
  const root = (await output('pyenv', ['root'])).trim()
  const versions = root
    ? readdirSync(join(root, 'versions')).filter((version) => version.startsWith(`${PYTHON}.`))
    : []
  const candidates = [
    `python${PYTHON}`,
    'python3',
    ...versions.map((version) => join(root, 'versions', version, 'bin', 'python3')),
  ]
  for (const candidate of candidates) {
    if (
      (
        await output(candidate, [
          '-c',
          'import ensurepip, sys, venv; print("%d.%d" % sys.version_info[:2])',
        ])
      ).trim() === PYTHON
    )
      return candidate
  }
  throw new Error(`it needs Python ${PYTHON}, and none is among ${candidates.join(', ')}`)
}

async function output(command: string, args: readonly string[]): Promise<string> {
  return promisify(execFile)(command, args).then(
    ({ stdout }) => stdout,
    () => '',
  )
}
