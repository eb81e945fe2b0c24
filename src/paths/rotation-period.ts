import { duration } from '../router/fields.js'

/** The field with a key's rotation period. */
export const rotationPeriodField = duration(
  'Age at which keymgmt due lists the key for rotation: at least 1h; 0 for none.',
)
