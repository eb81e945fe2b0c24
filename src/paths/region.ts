/** What an AWS Region looks like; whether it exists is AWS's to say. */
export const REGION = { pattern: /^([a-z]+-){2,3}\d+$/, example: 'us-west-1' }
