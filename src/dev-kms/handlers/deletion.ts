import { openKey } from '../find.js'
import { wireDate, type Handler, type Handlers } from '../handler.js'
import { stateOf } from '../state.js'
import { deletionDate } from '../account.js'

const DEFAULT_DAYS = 30

const scheduleKeyDeletion: Handler = (context, input) => {
  const { account, region } = context
  const key = openKey(context, input.required('KeyId'))
  const days = input.number('PendingWindowInDays') ?? DEFAULT_DAYS
  const waits = key.multiRegion?.primary === region.name && key.multiRegion.replicas.size > 0
  key.deletion = { windowDays: days, at: waits ? undefined : deletionDate(account, days) }
  return {
    KeyId: key.arn,
    DeletionDate: wireDate(key.deletion.at),
    KeyState: stateOf(account.now(), key),
    PendingWindowInDays: days,
  }
}

/** Scheduled deletion. */
export const deletionHandlers: Handlers = {
  ScheduleKeyDeletion: scheduleKeyDeletion,
  CancelKeyDeletion: (context, input) => {
    const key = openKey(context, input.required('KeyId'))
    key.deletion = undefined
    key.enabled = false
    return { KeyId: key.arn }
  },
}
