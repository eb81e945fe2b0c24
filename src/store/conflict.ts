import { KeymgmtError } from '../errors.js'

/** The error of a write that was based on another revision than the store has. */
export function conflict(path: string): KeymgmtError {
  return new KeymgmtError('STORE_CONFLICT', `the record ${path} was changed by another command`, {
    hints: ['run the same command again'],
  })
}
