import { defineCommand } from './command.js'
import { FORMAT } from './flags.js'

/** `keymgmt dev [-- COMMAND...]` */
export const dev = defineCommand({
  name: 'dev',
  summary: 'Run an embedded AWS KMS, or a command against one',
  usage: '[-- COMMAND...]',
  description:
    'Serves an AWS KMS of its own on this machine, in memory, and runs the command with the variables by which keymgmt, the AWS CLI and the SDKs find it; ends with the status of the command. Without a command it prints the variables and serves until Ctrl-C.',
  examples: [
    { does: 'A shell in which everything works and nothing costs', line: 'keymgmt dev -- bash' },
    {
      does: 'A script against the request quotas of AWS',
      line: 'keymgmt dev -quotas=aws -- ./rotate-all.sh',
    },
    {
      does: 'AWS does what it is asked for, and the answer is lost',
      line: 'keymgmt dev -fault=CreateKey:1:drop -- bash',
    },
  ],
  flags: {
    credentials: {
      kind: 'string',
      many: true,
      usage: 'Credentials to accept, as ID:SECRET. Can be given several times.',
    },
    fault: {
      kind: 'string',
      many: true,
      usage: 'Fault to inject, as Operation:nth:kind. Can be given several times.',
    },
    format: FORMAT,
    latency: { kind: 'duration', usage: 'Time that every answer takes longer, such as 50ms.' },
    listen: {
      kind: 'string',
      default: '127.0.0.1:0',
      usage: 'Address to listen on: host:port, on this machine.',
    },
    policy: {
      kind: 'string',
      usage: 'File with an IAM policy, as JSON, that limits the pair that is handed out.',
    },
    quotas: {
      kind: 'string',
      default: 'none',
      choices: ['aws', 'none'],
      usage: 'Request quotas to enforce: "aws" or "none".',
    },
  },
  run: async (session, args, flags) => (await import('../dev.js')).dev(session, flags, args),
})
