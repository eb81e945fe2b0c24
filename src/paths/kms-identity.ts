import type { Engine } from '../core/engine.js'
import { definePath } from '../router/path.js'

/** READ keymgmt/kms/:name/identity */
export const kmsIdentity = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/identity',
  synopsis: "The caller that a provider's credentials belong to, according to AWS.",
  description: [
    "Asks STS (GetCallerIdentity) who the caller is: the AWS account and the ARN of the user or role. `matches` is true if the provider's KMS keys are in that account; it is absent before the first KMS key exists. `endpoint` is the endpoint of AWS KMS that the provider uses.",
    '    keymgmt read keymgmt/kms/example-kms/identity',
    "Needs no IAM permission. The request goes to STS in the provider's Region, or to AWS_ENDPOINT_URL_STS.",
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.' },
  operations: {
    read: {
      summary: 'Account and ARN of the caller, and the endpoint of AWS KMS.',
      run: async (engine, { name }) => {
        const { identifyCaller } = await import('../core/operations/provider-place.js')
        const { identity, endpoint, pinned } = await identifyCaller(engine, name)
        const { account, partition, arn } = identity
        const differs = pinned.find(
          (place) => place.account !== account || place.partition !== partition,
        )
        return {
          data: {
            account,
            partition,
            arn,
            endpoint: endpoint.origin,
            ...(pinned.length > 0 && { matches: differs === undefined }),
          },
          warnings: differs
            ? [
                `The KMS keys of ${name} are in AWS account ${differs.account} (${differs.partition}), not in the caller's account: keymgmt sends no material with these credentials.`,
              ]
            : [],
        }
      },
    },
  },
})
