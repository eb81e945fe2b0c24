/** One Region of one account. ARNs contain both. */
export interface Place {
  readonly account: string
  readonly name: string
}

/** The Regions that have AWS KMS, by partition. Source: the partitions of the AWS SDKs. */
const PARTITIONS: Readonly<Record<string, string>> = {
  aws:
    'af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2 ' +
    'ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 ' +
    'eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 me-west-1 mx-central-1 ' +
    'sa-east-1 sa-west-1 us-east-1 us-east-2 us-west-1 us-west-2',
  'aws-cn': 'cn-north-1 cn-northwest-1',
  'aws-us-gov': 'us-gov-east-1 us-gov-west-1',
  'aws-iso': 'us-iso-east-1 us-iso-west-1',
  'aws-iso-b': 'us-isob-east-1 us-isob-west-1',
  'aws-iso-e': 'eu-isoe-west-1',
  'aws-iso-f': 'us-isof-east-1 us-isof-south-1',
  'aws-eusc': 'eusc-de-east-1',
}

const PARTITION_OF = new Map(
  Object.entries(PARTITIONS).flatMap(([partition, regions]) =>
    regions.split(' ').map((region) => [region, partition]),
  ),
)

/** True if AWS KMS exists in this Region. */
export function isRegion(region: string): boolean {
  return PARTITION_OF.has(region)
}

/** The partition of an existing Region. */
export function partitionOf(region: string): string {
  return PARTITION_OF.get(region) ?? 'aws'
}

/** The ARN of a key or an alias, such as `key/ID`. */
export function arnOf({ account, name }: Place, resource: string): string {
  return `arn:${partitionOf(name)}:kms:${name}:${account}:${resource}`
}

/** The ARN of the user who signs requests, as in AWS's errors and in STS's reply. */
export function callerArn({ account, name }: Place): string {
  return `arn:${partitionOf(name)}:iam::${account}:user/dev`
}

/** The ARN that stands for the account in a key policy. */
export function rootArn({ account, name }: Place): string {
  return `arn:${partitionOf(name)}:iam::${account}:root`
}

/** The service that synchronises multi-Region keys, with a role in the account. */
export const MULTI_REGION_SERVICE = 'mrk.kms.amazonaws.com'

/** The ARN of the role that synchronises multi-Region keys. */
export function multiRegionRoleArn({ account, name }: Place): string {
  return `arn:${partitionOf(name)}:iam::${account}:role/aws-service-role/${MULTI_REGION_SERVICE}/AWSServiceRoleForKeyManagementServiceMultiRegionKeys`
}
