import { Option } from 'commander'
import {
  assertDistinct,
  parseSealNames,
  SEAL_FORMS,
  type SealName,
} from '../../../store/seals/index.js'

/** A flag with seals: repeated, or with a list separated by commas. */
export function sealOption(name: string, description: string): Option {
  return new Option(
    `--${name} <seal>`,
    `${description} The seals are ${SEAL_FORMS.join(', ')}. Repeat the flag, or separate seals by commas.`,
  ).argParser((text, previous?: readonly SealName[]) => {
    const names = [...(previous ?? []), ...parseSealNames(text, `-${name}`)]
    assertDistinct(names, `-${name}`)
    return names
  })
}
