/** The default account: AWS's documentation uses it as an example. */
export const DEFAULT_ACCOUNT = '111122223333'
