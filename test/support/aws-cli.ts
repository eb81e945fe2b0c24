import * as kms from '@aws-sdk/client-kms'
import { readFileSync } from 'node:fs'

// Stands in for `aws kms OPERATION` where the documents' commands run, so that the tests need no
// AWS CLI. `npm run conformance:clients` uses the real one.

type Input = Record<string, unknown>

const pascal = (name: string) =>
  name.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())

/** `fileb://FILE` is the content of a file, and any other value is itself. */
function valueOf(text: string): unknown {
  const [, file] = /^fileb:\/\/(.*)$/.exec(text) ?? []
  return file === undefined ? text : readFileSync(file)
}

/** The member of a reply that `--query` names, as `--output text` prints it. */
function select(reply: unknown, query: string): string {
  const found = query.split('.').reduce((value, name) => (value as Input)[name], reply)
  return found instanceof Uint8Array ? Buffer.from(found).toString('base64') : String(found)
}

const [service, operation = '', ...args] = process.argv.slice(2)
const flags = new Map<string, string>()
for (let index = 0; index < args.length; index += 2)
  flags.set((args[index] ?? '').replace(/^--/, ''), args[index + 1] ?? '')
const { region = '', query = '', output, ...members } = Object.fromEntries(flags)
const Command = (kms as Input)[`${pascal(operation)}Command`]
if (service !== 'kms' || typeof Command !== 'function' || output !== 'text' || query === '')
  throw new Error('only `aws kms OPERATION … --query MEMBER --output text`')
const input = Object.fromEntries(
  Object.entries(members).map(([name, text]) => [pascal(name), valueOf(text)]),
)
try {
  const client = new kms.KMSClient(region === '' ? {} : { region })
  const reply: unknown = await client.send(
    Reflect.construct(Command, [input]) as kms.DescribeKeyCommand,
  )
  console.log(select(reply, query))
} catch (error) {
  const { name, message } = error as Error
  console.error(
    `An error occurred (${name}) when calling the ${pascal(operation)} operation: ${message}`,
  )
  process.exitCode = 254
}
