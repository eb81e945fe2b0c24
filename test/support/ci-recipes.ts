import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { runToEnd, type Ended } from './run-to-end.js'

// Runs the recipes of docs/ci.md as a hosted runner does: each job on an empty machine, with the
// text of its YAML file. Only `npx keymgmt` is replaced, by the binary of the packed package.

type Variables = Readonly<Record<string, string>>

/** One script of a job. `role` is assumed before it, and its credentials stay for the next ones. */
interface Step {
  readonly role?: { readonly arn: string; readonly region: string }
  readonly script?: string
  readonly variables: Variables
}

/** A job of a recipe. */
export interface Job {
  readonly name: string
  readonly steps: readonly Step[]
}

/** The place where a job runs: the endpoints of AWS, and the means to run keymgmt. */
export interface Runner {
  readonly folder: string
  readonly binary: string
  readonly endpoints: { readonly kms: string; readonly s3: string; readonly sts: string }
}

interface Workflow {
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly env?: Variables
        readonly steps: readonly {
          readonly run?: string
          readonly uses?: string
          readonly with?: Variables
          readonly env?: Variables
        }[]
      }
    >
  >
}

type Pipeline = Readonly<
  Record<
    string,
    {
      readonly variables?: Variables
      readonly id_tokens?: Readonly<Record<string, { readonly aud: string }>>
      readonly script: readonly string[]
    }
  >
>

/** The token that a runner gives a job. STS would check its signature. */
const IDENTITY_TOKEN = 'header.identity-of-the-job.signature'

const PAGE = 'docs/ci.md'

const ASSUME_ROLE = /^aws-actions\/configure-aws-credentials@[0-9a-f]{40}$/

/** The text of a file in the page, below a heading. */
function fileBelow(heading: string, language: string): string {
  const text = readFileSync(PAGE, 'utf8')
  const [, section = ''] = text.split(`\n## ${heading}\n`)
  const [, file] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(section) ?? []
  if (file === undefined) throw new Error(`${PAGE} has no ${language} file below ${heading}`)
  return file
}

/** The jobs of a workflow of GitHub Actions. */
function githubJobs(text: string): readonly Job[] {
  const { jobs } = parse(text) as Workflow
  return Object.entries(jobs).map(([name, { env = {}, steps }]) => ({
    name,
    steps: steps.map(({ run, uses, with: given = {}, env: own = {} }): Step => {
      const variables = { ...env, ...own }
      if (run !== undefined) return { script: run, variables }
      if (!ASSUME_ROLE.test(uses ?? '')) throw new Error(`${uses ?? ''} is not known here`)
      const role = { arn: given['role-to-assume'] ?? '', region: given['aws-region'] ?? '' }
      return { role, variables }
    }),
  }))
}

/** The jobs of a pipeline of GitLab. */
function gitlabJobs(text: string): readonly Job[] {
  return Object.entries(parse(text) as Pipeline).map(([name, job]) => {
    const tokens = Object.keys(job.id_tokens ?? {}).map((token) => [token, IDENTITY_TOKEN])
    const variables = { ...job.variables, ...(Object.fromEntries(tokens) as Variables) }
    return { name, steps: [{ script: job.script.join('\n'), variables }] }
  })
}

/** Runs a job on an empty machine. Returns the results of its scripts until the first failure. */
export async function runJob({ steps }: Job, runner: Runner): Promise<readonly Ended[]> {
  const machine = emptyMachine(runner)
  const results: Ended[] = []
  let credentials: Variables = {}
  for (const { role, script, variables } of steps) {
    if (role) credentials = await assume(role, runner.endpoints.sts)
    if (script === undefined) continue
    const replaced = script.replaceAll('npx keymgmt', `"${runner.binary}"`)
    const result = await runScript(replaced, machine.folder, {
      ...machine.variables,
      ...credentials,
      ...variables,
    })
    results.push(result)
    if (result.status !== 0) break
  }
  return results
}

/** A folder and the variables of a machine on which nothing has run yet. */
export function emptyMachine({ folder: parent, endpoints }: Runner): {
  readonly folder: string
  readonly variables: Variables
} {
  const folder = join(parent, `machine-${readdirSync(parent).length}`)
  mkdirSync(folder)
  return {
    folder,
    variables: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      CI: 'true',
      AWS_ENDPOINT_URL_KMS: endpoints.kms,
      AWS_ENDPOINT_URL_S3: endpoints.s3,
      AWS_ENDPOINT_URL_STS: endpoints.sts,
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  }
}

/** The keys of an administrator, whom every test server accepts. */
export const ADMINISTRATOR = {
  AWS_ACCESS_KEY_ID: 'AKIAADMINISTRATOR',
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-administrator',
} as const

/**
 * Runs a script as the administrator, with a stand-in for the AWS CLI. Returns its folder.
 * @throws Error with the output if it fails.
 */
export async function administer(script: string, runner: Runner): Promise<string> {
  const { folder, variables } = emptyMachine(runner)
  const aws = resolve('dist/test/support/aws-cli.js')
  writeProgram(
    join(folder, 'aws'),
    `#!/bin/sh\nexec "${process.execPath}" --no-warnings "${aws}" "$@"\n`,
  )
  const replaced = script.replaceAll('npx keymgmt', `"${runner.binary}"`)
  const PATH = `${folder}:${variables.PATH ?? ''}`
  const { status, output } = await runScript(replaced, folder, {
    ...variables,
    ...ADMINISTRATOR,
    PATH,
  })
  if (status !== 0) throw new Error(output)
  return folder
}

/** Creates the store and its first key, as the page tells an administrator to. */
export async function setUp(runner: Runner): Promise<void> {
  await administer(fileBelow('What to set up once', 'sh'), runner)
}

/** The number of the latest version of the key that the recipes rotate. */
export async function latestVersion(runner: Runner): Promise<number> {
  const store = "export KEYMGMT_STORE='s3://acme-keys/prod?region=eu-west-1'"
  const read = 'npx keymgmt read -field=latest_version keymgmt/key/app > latest'
  return Number(readFileSync(join(await administer(`${store}\n${read}`, runner), 'latest'), 'utf8'))
}

/** Writes a program for the PATH of a script. */
export function writeProgram(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o755 })
}

/** The recipes of the page, with the jobs of each. */
export function recipes(): readonly {
  readonly name: string
  readonly text: string
  readonly jobs: readonly Job[]
}[] {
  return (
    [
      ['GitHub Actions', githubJobs],
      ['GitLab', gitlabJobs],
    ] as const
  ).map(([name, jobsOf]) => {
    const text = fileBelow(name, 'yaml')
    return { name, text, jobs: jobsOf(text) }
  })
}

/** Does what the action configure-aws-credentials does. */
async function assume(
  { arn, region }: { readonly arn: string; readonly region: string },
  endpoint: string,
): Promise<Variables> {
  const client = new STSClient({ region, endpoint })
  const { Credentials } = await client.send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: arn,
      RoleSessionName: 'job',
      WebIdentityToken: IDENTITY_TOKEN,
    }),
  )
  return {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey ?? '',
    AWS_SESSION_TOKEN: Credentials?.SessionToken ?? '',
  }
}

/** Runs a script in bash, which ends at the first failure as on a runner. */
export function runScript(script: string, cwd: string, env: Variables): Promise<Ended> {
  return runToEnd('bash', ['-eo', 'pipefail', '-c', script], { cwd, env })
}

/** Packs the package as it is built, and installs it in `folder`. Returns its binary. */
export function installPacked(folder: string): string {
  const npm = (args: readonly string[], cwd: string) =>
    execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  npm(['pack', '--ignore-scripts', '--pack-destination', folder], '.')
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
  const user = join(folder, 'package')
  mkdirSync(user)
  writeFileSync(join(user, 'package.json'), '{ "private": true }')
  npm(['install', '--offline', '--no-audit', '--no-fund', join(folder, tarball)], user)
  return join(user, 'node_modules', '.bin', 'keymgmt')
}
