/**
 * The form of an AWS Region. Only AWS knows whether a Region exists.
 * @see
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html#KMS-ReplicateKey-request-ReplicaRegion
 */
export const REGION_PATTERN = /^([a-z]+-){2,3}\d+$/
