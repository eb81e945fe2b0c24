import { AwsError, customKeyStoreNotFound, unsupported } from '../errors.js'
import type { Handler, Handlers } from '../handler.js'

/** Refuses a custom key store by name: none exists. */
const missing: Handler = (context, input) => {
  context.authorize({ resource: '*' })
  throw customKeyStoreNotFound(input.required('CustomKeyStoreId'))
}

/** Custom key stores. */
export const customKeyStoreHandlers: Handlers = {
  ConnectCustomKeyStore: missing,
  CreateCustomKeyStore: (context) => {
    context.authorize({ resource: '*' })
    throw unsupported('custom key stores are not supported by this KMS')
  },
  DeleteCustomKeyStore: missing,
  DescribeCustomKeyStores: (context, input) => {
    const named = input.text('CustomKeyStoreId') ?? input.text('CustomKeyStoreName')
    context.authorize({ resource: '*' })
    if (named !== undefined) throw customKeyStoreNotFound(named)
    if (input.has('Marker'))
      throw new AwsError('InvalidMarkerException', 'The marker is not valid.')
    return { CustomKeyStores: [], Truncated: false }
  },
  DisconnectCustomKeyStore: missing,
  UpdateCustomKeyStore: missing,
}
