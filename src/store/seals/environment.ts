import { KeymgmtError } from '../../errors.js'
import { parseSealNames, type SealName } from './index.js'

/**
 * Returns the seals of a new store: those that the variable names, else a passphrase if there is
 * one, else a keyfile.
 * @throws KeymgmtError SEAL_REFUSED for an unknown seal, STORE_SEALED for an empty passphrase.
 */
export function sealsFromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): readonly SealName[] {
  const { KEYMGMT_PASSPHRASE_FILE: file, KEYMGMT_PASSPHRASE: passphrase } = env
  // An unset secret of a CI job is an empty variable.
  if (file === '' || (passphrase === '' && !file))
    throw new KeymgmtError(
      'STORE_SEALED',
      `${file === '' ? 'KEYMGMT_PASSPHRASE_FILE' : 'KEYMGMT_PASSPHRASE'} is set but empty`,
      { hints: ['set it to the passphrase (or its file) of the store, or unset it'] },
    )
  const { KEYMGMT_SEAL: seals } = env
  if (seals) return parseSealNames(seals, 'KEYMGMT_SEAL')
  return [{ kind: file || passphrase ? 'passphrase' : 'keyfile' }]
}
