import { defineCommand } from './command.js'
import { FORMAT } from './flags.js'

/** `keymgmt policy keymgmt/kms/NAME` */
export const policy = defineCommand({
  name: 'policy',
  summary: 'Print the least IAM policy for a KMS provider',
  usage: 'PATH',
  description:
    'Prints what IAM must allow whoever runs keymgmt with the provider, as JSON. It asks AWS nothing. That of one command alone comes with its flag -output-policy.',
  examples: [
    { does: 'The policy of a provider', line: 'keymgmt policy keymgmt/kms/example-kms' },
    {
      does: 'Of one command',
      line: 'keymgmt write -output-policy keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt',
    },
  ],
  flags: { format: FORMAT },
  first: { paths: 'read', only: 'keymgmt/kms/:name' },
  run: async (session, args) => (await import('../policy.js')).policy(session, args),
})
