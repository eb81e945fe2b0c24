/**
 * Days from the request to the deletion of a KMS key. The default is AWS's maximum, so that a
 * removal can be undone for as long as possible.
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
 */
export const DELETION_WINDOW = { min: 7, max: 30, default: 30 } as const
