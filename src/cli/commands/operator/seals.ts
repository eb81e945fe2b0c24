import { Option } from 'commander'
import { KeymgmtError } from '../../../errors.js'
import {
  assertDistinct,
  parseSealNames,
  SEAL_FORMS,
  type SealName,
} from '../../../store/seals/index.js'

/** A flag with seals: repeated, or with a list separated by commas. */
export function sealOption(name: string, description: string): Option {
  const parse = (text: string, previous: readonly SealName[] = []) => {
    const names = [...previous, ...parseSealNames(text, `-${name}`)]
    assertDistinct(names, `-${name}`)
    return names
  }
  return new Option(
    `--${name} <seal>`,
    `${description} The seals are ${SEAL_FORMS.join(', ')}. Repeat the flag, or separate seals by commas.`,
  ).argParser((text, previous: readonly SealName[] | undefined) => {
    try {
      return parse(text, previous)
    } catch (error) {
      if (!(error instanceof KeymgmtError)) throw error
      throw new KeymgmtError('USAGE', error.message, { hints: error.hints, cause: error })
    }
  })
}
