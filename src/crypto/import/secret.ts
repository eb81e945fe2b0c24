import { KEY_TYPE_NAMES, type KeyTypeName } from '../key-types.js'
import { isKnownDer, readContainer } from './containers.js'
import { TEXT_IS_MEANT, diagnose } from './diagnosis.js'
import { decodeBase64, decodeHex } from './digits.js'
import { lengthOf, needed, type MaterialOptions, type RecognisedMaterial } from './material.js'
import { assertNoPassphrase } from './passphrase.js'
import { invalidMaterial } from './invalid-material.js'
import { isText, weakness } from './weak.js'

/** The material, decoded in one way. */
export interface Reading {
  readonly form: 'raw' | 'hex' | 'base64' | 'JWK'
  readonly bytes: Uint8Array
}

/** A reading with the length of a type's material. */
type Fit = Reading & { readonly type: KeyTypeName }

const DECODERS = [
  { form: 'hex', decode: decodeHex },
  { form: 'base64', decode: decodeBase64 },
] as const

/**
 * Reads material that is not a container: raw bytes, or hex or base64 text. For n bytes, hex has 2n
 * digits and base64 4n/3, so at most one reading has the length of a given type. Without a type, a
 * reading is accepted if it is the only one that fits any type. Text counts as raw bytes only with
 * `format` raw. Hex or base64 of a DER private key is read as DER.
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
    const fits = fitsOf(
      isRaw ? [...decoded, { form: 'raw', bytes }] : decoded,
      options.type === undefined ? KEY_TYPE_NAMES : [options.type],
    )
    if (fits.length === 0) throw noFitError(bytes, options, decoded)
    return chooseSecret(fits, format === 'raw')
  } finally {
    for (const reading of decoded) reading.bytes.fill(0)
  }
}

/** The readings with the length of one of `types`. */
export function fitsOf(
  readings: readonly Reading[],
  types: readonly KeyTypeName[],
): readonly Fit[] {
  return readings.flatMap((reading) =>
    types
      .filter((type) => lengthOf(type) === reading.bytes.length)
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
  const found = weakness(bytes) ?? (isWords ? 'text, where random bytes are expected' : undefined)
  if (found !== undefined) {
    throw invalidMaterial(
      `the material is weak: its ${bytes.length} bytes (${form}) are ${found}`,
      `generate a key: openssl rand -out key.bin ${bytes.length}`,
      ...(isWords ? [TEXT_IS_MEANT] : []),
    )
  }
  return { type, material: new Uint8Array(bytes), format: form }
}

function noFitError(
  bytes: Uint8Array,
  { type, format }: MaterialOptions,
  decoded: readonly Reading[],
) {
  if ((format === 'hex' || format === 'base64') && decoded.length === 0)
    return invalidMaterial(`the material is not ${format}, as format says`, needed(type))
  const lengths = (type === undefined ? KEY_TYPE_NAMES : [type]).map(lengthOf)
  const { found, hints } = diagnose({ bytes, decoded, lengths, type })
  return invalidMaterial(`the material is ${found}`, needed(type), ...hints)
}
