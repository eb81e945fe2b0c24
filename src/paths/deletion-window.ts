import { DELETION_WINDOW } from '../core/records/deletion-window.js'
import { integer } from '../router/fields.js'

/** The field with the waiting period of a scheduled deletion. */
export const DELETION_WINDOW_FIELD = integer(
  `Days until AWS deletes the KMS keys. The default is ${DELETION_WINDOW.default}.`,
  DELETION_WINDOW,
)
