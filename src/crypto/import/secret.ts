import { KEY_TYPE_NAMES, type KeyTypeName } from '../key-types.js'
import { isKnownDer, readContainer } from './containers.js'
import { TEXT_HINT, contentOf, diagnose, symptomOf } from './diagnosis.js'
import { DECODE_COMMANDS, decodeBase64, decodeHex } from './digits.js'
import {
  isLengthOf,
  lengthOf,
  needed,
  type MaterialOptions,
  type RecognisedMaterial,
} from './material.js'
import { assertNoPassphrase } from './passphrase.js'
import { invalidMaterial, pipe } from './invalid-material.js'
import { isText, weakness } from './weak.js'

/** The material, decoded in one way. */
export interface Reading {
  readonly form: 'raw' | 'hex' | 'base64' | 'JWK'
  readonly bytes: Uint8Array
}

/** A reading of the input whose length fits a key type. */
type Fit = Reading & { readonly type: KeyTypeName }

const DECODERS = [
  { form: 'hex', decode: decodeHex },
  { form: 'base64', decode: decodeBase64 },
] as const

/**
 * Reads material that is not a container: raw bytes, or hex or base64 text. With a type, text that
 * is hex is never read as base64, unless `format` says so: 38 characters of base64 are all hex with
 * a chance below 2^-58. Without a type, a reading is accepted if it is the only one that fits any
 * type. Text counts as raw bytes only with `format` raw. Hex or base64 of a DER private key is read
 * as DER.
 * @throws KeymgmtError FIELD_INVALID if no reading fits, several fit, or the material is weak.
 */
export function readSecret(bytes: Uint8Array, options: MaterialOptions): RecognisedMaterial {
  const { format } = options
  const decoded = DECODERS.filter(({ form }) => format === undefined || format === form).flatMap(
    ({ form, decode }): Reading[] => {
      const read = decode(bytes)
      return read ? [{ form, bytes: read }] : []
    },
  )
  try {
    const der = decoded.find((reading) => isKnownDer(reading.bytes))
    if (der) return readContainer(der.bytes, `DER in ${der.form}`, options)
    assertNoPassphrase(options)
    const isRaw = format === 'raw' || (format === undefined && !isText(bytes))
    const readings: Reading[] = isRaw ? [...decoded, { form: 'raw', bytes }] : decoded
    const fits = fitsOf(
      options.type === undefined ? readings : readings.slice(0, 1),
      typesOf(options),
    )
    if (fits.length === 0) throw noFitError(bytes, options, decoded)
    if (format === undefined) assertNoMistake(fits[0])
    return chooseSecret(fits, format === 'raw')
  } finally {
    for (const reading of decoded) reading.bytes.fill(0)
  }
}

function typesOf({ type }: MaterialOptions): readonly KeyTypeName[] {
  return type === undefined ? KEY_TYPE_NAMES : [type]
}

/**
 * Refuses raw bytes that look like a mistake, such as a key with a line end, if their length
 * differs from the length of generated material.
 * @throws KeymgmtError FIELD_INVALID, with the mistake.
 */
function assertNoMistake(fit: Fit | undefined): void {
  if (fit?.form !== 'raw' || fit.bytes.length === lengthOf(fit.type)) return
  const { bytes, type } = fit
  const mistake = symptomOf({ bytes, decoded: [], types: [type], type })
  if (!mistake) return
  throw invalidMaterial(
    `the material is ${mistake.found}`,
    ...mistake.hints,
    `if all ${bytes.length} bytes are the key, add format=raw`,
  )
}

/** The readings whose length fits one of `types`. */
export function fitsOf(
  readings: readonly Reading[],
  types: readonly KeyTypeName[],
): readonly Fit[] {
  return readings.flatMap((reading) =>
    types
      .filter((type) =>
        types.length === 1
          ? isLengthOf(types, reading.bytes.length)
          : lengthOf(type) === reading.bytes.length,
      )
      .map((type) => ({ ...reading, type })),
  )
}

/**
 * Returns a copy of the only fit. Refuses text, unless `textIsMeant`: it is a passphrase, or a key
 * that was encoded twice.
 * @throws KeymgmtError FIELD_INVALID if there are several fits, or the material is weak.
 */
export function chooseSecret(fits: readonly Fit[], textIsMeant: boolean): RecognisedMaterial {
  const [fit, another] = fits
  if (!fit || another) {
    const choices = fits.map(({ type, form, bytes }) => `${type} (${bytes.length} bytes, ${form})`)
    throw invalidMaterial(
      `the material fits more than one type: ${choices.join(', ')}`,
      `specify one: ${fits.map(({ type }) => `type=${type}`).join(' or ')}`,
    )
  }
  const { type, form, bytes } = fit
  const isWords = !textIsMeant && isText(bytes)
  const [content, command] = [
    isWords && bytes.length !== lengthOf(type) && contentOf(bytes),
    DECODE_COMMANDS[form],
  ]
  if (content && command !== undefined)
    throw invalidMaterial(`the material is ${form} of ${content}`, pipe(`decode it: ${command}`))
  const found = weakness(bytes) ?? (isWords ? 'text, where random bytes are expected' : undefined)
  if (found !== undefined) {
    throw invalidMaterial(
      `the material is weak: its ${bytes.length} bytes (${form}) are ${found}`,
      `generate a key: openssl rand -out key.bin ${bytes.length}`,
      ...(isWords ? [TEXT_HINT] : []),
    )
  }
  return { type, material: new Uint8Array(bytes), format: form }
}

function noFitError(bytes: Uint8Array, options: MaterialOptions, decoded: readonly Reading[]) {
  const { type, format } = options
  if ((format === 'hex' || format === 'base64') && decoded.length === 0)
    return invalidMaterial(`the material is not ${format}, as format says`, needed(type))
  const { found, hints } = diagnose({ bytes, decoded, types: typesOf(options), type })
  return invalidMaterial(`the material is ${found}`, needed(type), ...hints)
}
