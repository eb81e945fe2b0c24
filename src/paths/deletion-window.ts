import { DELETION_WINDOW } from '../core/records/deletion-window.js'
import { integer } from '../router/fields.js'
import { isEmpty } from '../router/values.js'

/** The field with the waiting period of the deletions that a command schedules. */
export const DELETION_WINDOW_FIELD = integer(
  `Days until AWS deletes the KMS keys. The default is the deletion_window of the distribution; without one, ${DELETION_WINDOW.default}.`,
  DELETION_WINDOW,
)

const DAYS = integer(
  `Days until AWS deletes a KMS key of the distribution, when delete or trim does not say. The default is ${DELETION_WINDOW.default}. Empty returns to it.`,
  DELETION_WINDOW,
)

/** The field with the waiting period that a distribution keeps; 0 if it is empty. */
export const DELETION_WINDOW_SETTING = {
  ...DAYS,
  parse: (raw: Parameters<typeof DAYS.parse>[0]) => (isEmpty(raw) ? 0 : DAYS.parse(raw)),
}
