/** The form of the id of a KMS key: the source of a regular expression. */
export const KMS_KEY_ID = String.raw`mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`
