import { KeymgmtError } from '../errors.js'

/** Creates the error for a write that expected another revision than the record has. */
export function conflict(path: string): KeymgmtError {
  return new KeymgmtError('STORE_CONFLICT', `another command changed the record ${path}`, {
    hints: ['run the same command again'],
  })
}
