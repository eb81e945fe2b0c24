/**
 * The form of an AWS Region. `KmsKind.assertRegions` checks that it exists.
 * @see
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html#KMS-ReplicateKey-request-ReplicaRegion
 */
export const REGION_PATTERN = /^(?=.{1,32}$)([a-z]+-){2,3}\d+$/
