import { afterAll, describe, expect, it } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  copyAccount,
  parseFault,
  startDevKms,
  type DevKms,
  type DevKmsOptions,
  type Account,
} from '../../src/dev-kms/index.js'
import type { PolicyDocument, PolicyStatement } from '../../src/kms/aws/policy/permissions.js'
import { PATHS } from '../../src/paths/index.js'
import { findPath } from '../../src/router/router.js'
import { findProblems } from '../support/problems.js'
import { CONFIGURE, FLOWS, SETTINGS, type Flow } from '../support/flows.js'
import { copyFolder } from '../support/keymgmt.js'
import { createSession, type Session } from '../support/session.js'
import { normalise } from '../support/normalise.js'

// Every command runs with exactly the policy that -output-policy printed for it. It succeeds, and
// is denied if any permission on any resource is removed, or any condition has another value.

/** The access key id of the flows' provider. */
const OPERATOR = 'ASIADJO3WTX6WPLJM42V'
const PROVIDER_POLICY = 'policy keymgmt/kms/k'

const KEY = (type: string) => `write -f keymgmt/key/app type=${type}`
const DISTRIBUTE = (purpose: string) => `write keymgmt/kms/k/key/app purpose=${purpose}`
const GLOBAL = 'write -f keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1,eu-west-1'
const VERIFY = 'read keymgmt/kms/k/key/app/verify'

/** Flows in addition to those that change AWS. */
const MORE: readonly Flow[] = [
  { name: 'distribute a MAC key', prepare: [KEY('hmac-sha256')], line: DISTRIBUTE('sign,verify') },
  { name: 'distribute a multi-Region key', prepare: [GLOBAL], line: DISTRIBUTE('encrypt,decrypt') },
  {
    name: 'distribute a second key',
    prepare: [
      'write -f keymgmt/key/other type=aes256-gcm96',
      'write keymgmt/kms/k/key/other purpose=encrypt,decrypt',
      'delete keymgmt/kms/k/key/other',
      KEY('rsa-2048'),
    ],
    line: DISTRIBUTE('encrypt,decrypt'),
  },
  {
    name: 'move an alias back',
    prepare: [KEY('aes256-gcm96'), DISTRIBUTE('encrypt,decrypt')],
    outsideChange: moveAlias,
    line: 'write -f keymgmt/kms/k/key/app/repair',
  },
  {
    name: 'verify',
    prepare: [
      KEY('aes256-gcm96'),
      'write -f keymgmt/key/app/rotate',
      DISTRIBUTE('encrypt,decrypt'),
    ],
    line: VERIFY,
  },
  {
    name: 'verify by a challenge',
    prepare: [KEY('aes256-gcm96'), DISTRIBUTE('encrypt,decrypt')],
    line: `${VERIFY} challenge=true`,
  },
  { name: 'verify a key pair', prepare: [KEY('ed25519'), DISTRIBUTE('sign,verify')], line: VERIFY },
  {
    name: 'verify a MAC key',
    prepare: [KEY('hmac-sha512'), DISTRIBUTE('sign,verify')],
    line: VERIFY,
  },
  {
    name: 'verify a provider, and look for orphans',
    prepare: [KEY('aes256-gcm96'), DISTRIBUTE('encrypt,decrypt')],
    outsideChange: addForeignKey,
    line: 'read keymgmt/kms/k/verify orphans=true',
  },
  {
    name: 'verify replicas',
    prepare: [GLOBAL, DISTRIBUTE('encrypt,decrypt'), 'write -f keymgmt/kms/k/key/app/replicate'],
    line: VERIFY,
  },
]

/** Creates a KMS key of another owner. Returns its id. */
function addForeignKey({ kms }: { readonly kms: DevKms }): string {
  const { keys } = kms.account.region('us-west-1')
  const [key] = keys.values()
  if (!key) throw new Error('there is no KMS key')
  const id = key.id.replace(/^.{8}/, '00000000')
  keys.set(id, { ...key, id, arn: key.arn.replace(key.id, id), tags: new Map(), materials: [] })
  return id
}

/** Moves the alias to a KMS key of another owner. */
function moveAlias({ kms }: { readonly kms: DevKms }): void {
  const { aliases } = kms.account.region('us-west-1')
  const [alias] = aliases
  if (!alias) throw new Error('there is no alias to move')
  aliases.set(alias[0], { ...alias[1], target: addForeignKey({ kms }) })
}

interface Prepared {
  readonly home: string
  readonly account: Account
  readonly line: string
  /** Of the command, and of the provider as a whole. */
  readonly policy: PolicyDocument
  readonly wide: PolicyDocument
}

const homes: string[] = []
afterAll(() => {
  for (const home of homes) rmSync(home, { recursive: true, force: true })
})

async function ok(session: Session, line: string): Promise<string> {
  const { status, stdout, stderr } = await session.run(line)
  if (status !== 0) throw new Error(`${line} ended with ${status}: ${stderr}`)
  return stdout
}

const policyFor = async (session: Session, line: string) =>
  JSON.parse(await ok(session, line)) as PolicyDocument

/** Runs `work` with its own KMS and home folder. */
async function at<T>(
  options: DevKmsOptions,
  home: string | undefined,
  work: (session: Session, kms: DevKms) => Promise<T>,
): Promise<T> {
  const copy = mkdtempSync(join(tmpdir(), 'keymgmt-policy-'))
  homes.push(copy)
  if (home !== undefined) copyFolder(home, copy)
  const kms = await startDevKms(options)
  try {
    return await work(createSession(kms.endpoint, copy), kms)
  } finally {
    await kms.close()
  }
}

const prepare = ({ prepare: lines, outsideChange, line }: Flow) =>
  at({}, undefined, async (session, kms): Promise<Prepared> => {
    for (const earlier of [CONFIGURE, ...lines]) await ok(session, earlier)
    const site = { home: session.home, kms }
    outsideChange?.(site)
    const command = typeof line === 'string' ? line : line(site)
    const before = [fingerprint(session.home), JSON.stringify(stateOf(kms.account))]
    const policy = await policyFor(session, `${command} -output-policy`)
    const wide = await policyFor(session, PROVIDER_POLICY)
    expect([fingerprint(session.home), JSON.stringify(stateOf(kms.account))]).toEqual(before)
    return { home: session.home, account: kms.account, line: command, policy, wide }
  })

function fingerprint(home: string): string {
  const files = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  return createHash('sha256')
    .update(files.map((file) => `${file} ${readFileSync(file, 'hex')}`).join())
    .digest('hex')
}

function stateOf({ regions }: Account) {
  return [...regions].map(([name, { keys, aliases }]) => [
    name,
    [...keys.values()].map((key) => ({ ...key, tags: [...key.tags], lastUsage: undefined })),
    [...aliases],
  ])
}

/** Runs the command with exactly the permissions of the policy. */
const runUnder = (
  { home, account, line }: Prepared,
  policy: object,
  faults: readonly string[] = [],
) =>
  at(
    {
      account: copyAccount(account),
      policies: { [OPERATOR]: policy },
      faults: faults.map(parseFault),
    },
    home,
    async (session, kms) => {
      const ended = await session.run(`${line} -format=json`)
      return {
        ...ended,
        problems: ended.status === 0 ? await problemsOf(session.home, kms.account, account) : [],
      }
    },
  )

/** The key's problems, with all permissions. KMS keys that existed before are not problems. */
const problemsOf = (home: string, account: Account, before: Account) =>
  at({ account: copyAccount(account) }, home, async (session, kms) => {
    const found = await findProblems(join(session.home, 'keymgmt'), kms)
    return found.filter(
      (problem) =>
        ![...before.region('us-west-1').keys.keys()].some((id) =>
          problem.startsWith(`orphan ${id}`),
        ),
    )
  })

const list = (value: string | readonly string[]) => (typeof value === 'string' ? [value] : value)

/**
 * Variants of the policy, by what they lack: each without one action on one resource, or with
 * another value of one condition.
 */
function withoutEach({ Version, Statement }: PolicyDocument): [string, object][] {
  return Statement.flatMap((statement, index) => {
    const others = Statement.filter((_, other) => other !== index)
    const withOthers = (...instead: PolicyStatement[]) => ({
      Version,
      Statement: [
        ...others,
        ...instead.filter(({ Action, Resource }) => Action.length > 0 && Resource.length > 0),
      ],
    })
    const grants = list(statement.Action).flatMap((action) =>
      list(statement.Resource).map((resource): [string, object] => [
        `${action} on ${resource} if ${JSON.stringify(statement.Condition)}`,
        withOthers(
          { ...statement, Action: list(statement.Action).filter((other) => other !== action) },
          {
            ...statement,
            Action: action,
            Resource: list(statement.Resource).filter((other) => other !== resource),
          },
        ),
      ]),
    )
    const conditions = Object.entries(statement.Condition ?? {}).flatMap(([operator, keys]) =>
      Object.keys(keys).map((key): [string, object] => [
        `${key} of ${list(statement.Action).join()}`,
        withOthers({
          ...statement,
          Condition: {
            ...statement.Condition,
            [operator]: { ...keys, [key]: somethingElse(operator, list(keys[key] ?? [])) },
          },
        }),
      ]),
    )
    return [...grants, ...conditions]
  })
}

function somethingElse(operator: string, values: readonly string[]): string {
  if (operator === 'Bool') return values[0] === 'true' ? 'false' : 'true'
  return operator.startsWith('Numeric') ? '8' : 'something-else'
}

/** The actions in the title of a removed part. */
const actionsIn = (removed: string) => (/^(?:\S+ of )?(\S+)/.exec(removed)?.[1] ?? '').split(',')

const actions = ({ Statement }: PolicyDocument) =>
  new Set(Statement.flatMap(({ Action }) => list(Action)))
const seen = new Set<string>()
const rows: string[] = []

const DOCUMENT = 'docs/permissions.md'
/** The generated part of the document. UPDATE_PERMISSIONS=1 writes it. */
const BY_COMMAND = /(?<=<!-- by command -->\n)[^]*(?=<!-- end -->)/

/**
 * True if the command also works without the permission. Without GetKeyLastUsage, the last use is
 * unknown. ListAliases serves to find a newer version before a command imports or deletes material
 * or creates an alias; most commands also use it to compare the account, which STS or the ARN of a
 * KMS key reveals too. A revocation also looks for a newer version in a KMS key that is rotated in
 * place. A removal, a revocation and a trim use DescribeKey to find replicas that are not on
 * record. A rotation, and a command that enables a version, does its own work even if it can't move
 * a primary.
 */
function isOptional(removed: string, { line, policy }: Prepared): boolean {
  if (removed.includes('GetKeyLastUsage')) return true
  const isMove = removed.includes('UpdatePrimaryRegion') || removed.includes('DescribeKey on')
  if (isMove && actions(policy).has('kms:UpdatePrimaryRegion') && !line.includes('/primary '))
    return true
  const isChecked = [
    'kms:ImportKeyMaterial',
    'kms:DeleteImportedKeyMaterial',
    'kms:CreateAlias',
    'kms:ScheduleKeyDeletion',
  ].some((name) => actions(policy).has(name))
  const isRevocation = actions(policy).has('kms:DeleteImportedKeyMaterial')
  const isTakedown =
    isRevocation ||
    (actions(policy).has('kms:ScheduleKeyDeletion') && !line.includes('/replicate/'))
  if (isTakedown && removed.includes('DescribeKey on')) return true
  return (
    (isChecked && removed.includes('ListAliases')) ||
    (isRevocation && removed.includes('ListKeyRotations'))
  )
}

/** The observed permissions of one command, as a row of the document. */
function describeNeed({ name }: Flow, { line, policy }: Prepared): string {
  const path = line.split(' ').find((word) => word.startsWith('keymgmt/'))
  const command = normalise(line)
    .replace(/material=\S+/, 'material=@file')
    .replace(/policy=\S+/, 'policy=@policy.json')
    .replace('keymgmt/kms/k/', 'keymgmt/kms/example-kms/')
  return `| ${path === undefined ? '' : `\`${findPath(PATHS, path).path.pattern}\` `}| ${name}: \`${command}\` | ${[
    ...actions(policy),
  ]
    .map((action) => action.replace('kms:', ''))
    .sort()
    .join(', ')} |`
}

/**
 * The flows that add a Region, an alias or a setting. After each, the provider's policy is printed
 * again.
 */
const WIDER = new Set([
  'add a dropped Region',
  'set a custom alias',
  'change a custom alias',
  'change the settings',
  'change the settings in place',
])

describe.each([...FLOWS, ...MORE].map((flow) => [flow.name, flow] as const))(
  '%s',
  (_name, flow) => {
    const dropsRegion = flow.name === 'drop a Region'
    const preparing = new Map<string, Promise<Prepared>>()
    const prepared = () => {
      const known = preparing.get(flow.name) ?? prepare(flow)
      preparing.set(flow.name, known)
      return known
    }

    it('succeeds with its policy', async () => {
      const there = await prepared()
      for (const action of actions(there.policy)) seen.add(action)
      rows.push(describeNeed(flow, there))
      expect(await runUnder(there, there.policy)).toMatchObject({ status: 0, problems: [] })
    })

    it('fails without any part of its policy', async () => {
      const there = await prepared()
      const needless: string[] = []
      for (const [removed, policy] of withoutEach(there.policy)) {
        const { status, stdout, stderr } = await runUnder(there, policy)
        if (status === 0 && isOptional(removed, there)) continue
        // In the provider's Region, ListAliases only reveals the account.
        if (status === 0 && dropsRegion && removed.includes('ListAliases')) continue
        // A check reports on stdout that it could not check everything.
        const printed = `${stdout}${stderr}`
        const isNamed = actionsIn(removed).some((action) => printed.includes(`allow ${action}`))
        if (status !== 2 || !(isNamed || printed.includes('KMS_ACCESS_DENIED')))
          needless.push(`${removed}: ${status} ${stderr}`)
      }
      expect(needless).toEqual([])
    })

    const isWider = WIDER.has(flow.name)
    it(`is ${isWider ? 'denied' : 'allowed'} by the provider's policy`, async () => {
      const there = await prepared()
      const status = isWider ? 2 : 0
      expect(await runUnder(there, there.wide)).toMatchObject({ status, problems: [] })
    })
  },
)

const LOST: Flow = {
  name: 'lost',
  prepare: [KEY('aes256-gcm96')],
  line: DISTRIBUTE('encrypt,decrypt'),
}

it('a lost response to CreateAlias is recovered with the policy of the command', async () => {
  const there = await prepare(LOST)
  expect(await runUnder(there, there.policy, ['CreateAlias:1:drop'])).toMatchObject({
    status: 0,
    problems: [],
  })
})

describe.each([
  [
    'CreateKey',
    [
      'kms:CreateAlias',
      'kms:DescribeKey',
      'kms:GetParametersForImport',
      'kms:ImportKeyMaterial',
      'kms:ListAliases',
      'kms:ListKeys',
      'kms:ListResourceTags',
    ],
  ],
])('a lost response to %s', (operation, needed) => {
  const faults = [`${operation}:1:drop`]

  it("is recovered with the provider's policy", async () => {
    const there = await prepare(LOST)
    expect(await runUnder(there, there.wide, faults)).toMatchObject({ status: 0, problems: [] })
  })

  it('needs a new policy of the command', async () => {
    const there = await prepare(LOST)
    expect(await runUnder(there, there.policy, faults)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('allow kms:List'),
    })
    await at(
      {
        account: copyAccount(there.account),
        policies: { [OPERATOR]: there.policy },
        faults: faults.map(parseFault),
      },
      there.home,
      async (session, { account }) => {
        await session.run(there.line)
        const policy = await at({ account: copyAccount(account) }, session.home, (again) =>
          policyFor(again, `${there.line} -output-policy`),
        )
        const left = { ...there, home: session.home, account, policy }
        for (const action of actions(policy)) seen.add(action)
        expect([...actions(policy)].sort()).toEqual(needed)
        expect(await runUnder(left, policy)).toMatchObject({ status: 0, problems: [] })
        for (const [removed, less] of withoutEach(policy)) {
          const { status } = await runUnder(left, less)
          if (status === 0 && isOptional(removed, left)) continue
          // Without DescribeKey, only a scheduled deletion of the KMS key stays unnoticed.
          if (status === 0 && removed.includes('DescribeKey')) continue
          expect([removed, status]).toEqual([removed, 2])
        }
      },
    )
  })
})

it("a provider's policy has only actions that a command needs", async () => {
  const { wide } = await prepare({
    name: 'wide',
    prepare: [GLOBAL, `${DISTRIBUTE('encrypt,decrypt')} ${SETTINGS}`],
    line: VERIFY,
  })
  expect([...actions(wide)].filter((action) => !seen.has(action))).toEqual([])
  expect([...seen].filter((action) => !actions(wide).has(action))).toEqual([])
})

it('docs/permissions.md matches the observed permissions', () => {
  const document = readFileSync(DOCUMENT, 'utf8')
  const made = ['| path | command | permissions |', '|---|---|---|', ...rows.sort(), ''].join('\n')
  if (process.env.UPDATE_PERMISSIONS) writeFileSync(DOCUMENT, document.replace(BY_COMMAND, made))
  expect(BY_COMMAND.exec(readFileSync(DOCUMENT, 'utf8'))?.[0]).toBe(made)
})

it('a policy that IAM would refuse comes with a warning', async () => {
  const rotations = Array.from({ length: 7 }, () => 'write -f keymgmt/key/app/rotate')
  const printed = await at({}, undefined, async (session) => {
    for (const earlier of [CONFIGURE, GLOBAL, ...rotations, DISTRIBUTE('encrypt,decrypt')])
      await ok(session, earlier)
    return [
      await session.run('write -f keymgmt/kms/k/key/app/replicate -output-policy'),
      await session.run('delete keymgmt/kms/k/key/app -output-policy'),
    ]
  })
  expect(printed).toEqual([
    {
      status: 0,
      stdout: expect.stringContaining('2012-10-17'),
      stderr: expect.stringContaining('at most 6144'),
    },
    { status: 0, stdout: expect.stringContaining('2012-10-17'), stderr: '' },
  ])
})

it("the printed policy does not contain the user's material", async () => {
  const material = randomBytes(32).toString('hex')
  const line = `write keymgmt/key/app/import_version material=${material} -output-policy`
  const printed = await at({}, undefined, async (session) => {
    for (const earlier of [CONFIGURE, KEY('aes256-gcm96'), DISTRIBUTE('encrypt,decrypt')])
      await ok(session, earlier)
    return session.run(line)
  })
  expect(printed).toMatchObject({ status: 0 })
  expect(printed.stdout + printed.stderr).not.toContain(material)
})

describe('a user without permissions', () => {
  const NOTHING = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }],
  }
  const flows = [...FLOWS, ...MORE]
  const flowOf = (name: string) => {
    const found = flows.find((flow) => flow.name === name)
    if (!found) throw new Error(`there is no flow ${name}`)
    return found
  }
  const printedUnder = (policy: object, { home, account, line }: Prepared) => {
    const asked: string[] = []
    const options = {
      account: copyAccount(account),
      policies: { [OPERATOR]: policy },
      onRequest: ({ operation }: { operation: string }) => {
        asked.push(operation)
      },
    }
    return at(options, home, async (session) => ({
      ...(await session.run(`${line} -output-policy`)),
      asked,
    }))
  }

  it.each(['distribute', 'replicate', 'disable'])(
    'gets the policy to %s without a call to AWS',
    async (name) => {
      const there = await prepare(flowOf(name))
      const printed = await printedUnder(NOTHING, there)
      expect(printed).toMatchObject({ status: 0, stderr: '', asked: [] })
      expect(JSON.parse(printed.stdout)).toEqual(there.policy)
    },
  )

  it.each([
    'verify',
    'verify a key pair',
    'verify a MAC key',
    'verify replicas',
    'restore',
    'distribute again',
  ])('gets the policy to %s, with a warning that AWS refused a request', async (name) => {
    const there = await prepare(flowOf(name))
    const printed = await printedUnder(NOTHING, there)
    expect(JSON.parse(printed.stdout)).toEqual(there.policy)
    expect(printed.status).toBe(0)
    expect(printed.stderr).toContain('AWS did not reply to: DescribeKey')
  })

  it.each(['repair', 'adopt', 'rotate everywhere', 'remove', 'revoke', 'import a version'])(
    'gets the whole policy to %s by attaching the printed policy and printing again',
    async (name) => {
      const there = await prepare(flowOf(name))
      let printed = await printedUnder(NOTHING, there)
      expect(printed).toMatchObject({
        status: 0,
        stderr: expect.stringContaining('did not reply'),
      })
      // adopt asks AWS twice about an unknown KMS key: for its state and its tags.
      for (let round = 0; round < 2 && printed.stderr.includes('did not reply'); round++)
        printed = await printedUnder(JSON.parse(printed.stdout) as object, there)
      expect(printed).toMatchObject({
        status: 0,
        stderr: expect.not.stringContaining('did not reply'),
      })
      expect(JSON.parse(printed.stdout)).toEqual(there.policy)
    },
  )

  it("gets a warning if AWS can't be reached", async () => {
    const { home, line, policy } = await prepare(flowOf('verify'))
    const printed = await createSession('http://127.0.0.1:9', home).run(`${line} -output-policy`)
    expect(printed).toMatchObject({ status: 0, stderr: expect.stringContaining('did not reply') })
    expect(JSON.parse(printed.stdout)).toEqual(policy)
  })

  it('gets the account from the role to assume', async () => {
    const printed = await at({}, undefined, async (session) => {
      await ok(
        session,
        'write keymgmt/kms/k provider=awskms key_collection=us-gov-west-1 credentials=role_arn=arn:aws-us-gov:iam::444455556666:role/keys',
      )
      await ok(session, KEY('aes256-gcm96'))
      return [
        await ok(session, `${DISTRIBUTE('encrypt,decrypt')} -output-policy`),
        await ok(session, PROVIDER_POLICY),
      ]
    })
    for (const text of printed) {
      const resources = (JSON.parse(text) as PolicyDocument).Statement.flatMap(({ Resource }) =>
        list(Resource),
      ).filter((resource) => resource !== '*')
      expect(
        resources.filter(
          (resource) => !resource.startsWith('arn:aws-us-gov:kms:us-gov-west-1:444455556666:'),
        ),
      ).toEqual([])
    }
  })
})

const LOCAL = [
  'list keymgmt/key',
  'write -f keymgmt/key/next type=aes256-gcm96',
  'read keymgmt/key/app',
  'delete keymgmt/key/none',
  'list keymgmt/key/app/kms',
  `write keymgmt/key/next/import type=aes256-gcm96 material=${randomBytes(32).toString('hex')}`,
  'list keymgmt/kms',
  'write keymgmt/kms/next provider=awskms key_collection=us-west-1',
  'read keymgmt/kms/k',
  'delete keymgmt/kms/k',
  'list keymgmt/kms/k/key',
  'read keymgmt/kms/k/key/app',
  'write -f keymgmt/key/app/rotate',
]

it.each(LOCAL)('%s makes no call to AWS, and its -output-policy says so', async (line) => {
  const kept = ['list keymgmt/key', 'list keymgmt/kms', 'read keymgmt/key/app']
  await at({}, undefined, async (session) => {
    for (const earlier of [CONFIGURE, KEY('aes256-gcm96')]) await ok(session, earlier)
    const before = await Promise.all(kept.map((earlier) => ok(session, earlier)))
    expect(await session.run(`${line} -output-policy`)).toEqual({
      status: 0,
      stdout: '',
      stderr: 'This command needs no IAM permissions.\n',
    })
    expect(await Promise.all(kept.map((earlier) => ok(session, earlier)))).toEqual(before)
  })
})
