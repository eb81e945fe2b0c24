import { KEY_TYPE_NAMES, type KeyTypeName } from '../key-types.js'
import { isKnownDer, readContainer } from './containers.js'
import { TEXT_IS_MEANT, whatIsIt } from './diagnosis.js'
import { decodeBase64, decodeHex } from './digits.js'
import { lengthOf, needed, type MaterialOptions, type RecognisedMaterial } from './material.js'
import { assertNoPassphrase } from './passphrase.js'
import { refusal } from './refusal.js'
import { isText, weakness } from './weak.js'

/** One way to read the material. */
export interface Reading {
  readonly form: 'raw' | 'hex' | 'base64' | 'JWK'
  readonly bytes: Uint8Array
}

/** A reading that has the length of a type's material. */
type Fit = Reading & { readonly type: KeyTypeName }

const DECODERS = [
  { form: 'hex', decode: decodeHex },
  { form: 'base64', decode: decodeBase64 },
] as const

/**
 * The material in bytes that are no container: the bytes themselves, or hex or base64 text. For n
 * bytes, hex is 2n digits and base64 4n/3, so with a type, at most one reading fits its length;
 * without one, a reading is taken when it is the only one that fits any type. Bytes that are text
 * are raw only with `format` raw. Hex or base64 of a DER private key is read as that.
 * @throws KeymgmtError FIELD_INVALID when none fits, several do, or what fits is weak.
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
    if (fits.length === 0) throw unfit(bytes, options, decoded)
    return chooseSecret(fits, format === 'raw')
  } finally {
    for (const reading of decoded) reading.bytes.fill(0)
  }
}

/** The readings that have the length of one of `types`. */
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
 * The only fit, as a copy. Bytes that are text are refused, unless `textIsMeant`: they are a
 * passphrase, or a key that was encoded twice.
 * @throws KeymgmtError FIELD_INVALID when there are several, or it is weak.
 */
export function chooseSecret(fits: readonly Fit[], textIsMeant: boolean): RecognisedMaterial {
  const [fit, another] = fits
  if (!fit || another) {
    const choices = fits.map(({ type, form, bytes }) => `${type} (${bytes.length} bytes, ${form})`)
    throw refusal(
      `the material can be of more than one type: ${choices.join(', ')}`,
      `say which: ${fits.map(({ type }) => `type=${type}`).join(' or ')}`,
    )
  }
  const { type, form, bytes } = fit
  const isWords = !textIsMeant && isText(bytes)
  const found = weakness(bytes) ?? (isWords ? 'text, where random bytes are expected' : undefined)
  if (found !== undefined) {
    throw refusal(
      `the material is weak: its ${bytes.length} bytes (${form}) are ${found}`,
      `make a key: openssl rand -out key.bin ${bytes.length}`,
      ...(isWords ? [TEXT_IS_MEANT] : []),
    )
  }
  return { type, material: new Uint8Array(bytes), format: form }
}

function unfit(bytes: Uint8Array, { type, format }: MaterialOptions, decoded: readonly Reading[]) {
  if ((format === 'hex' || format === 'base64') && decoded.length === 0)
    return refusal(`the material is not ${format}, as format says`, needed(type))
  const { found, hints } = whatIsIt(
    bytes,
    decoded,
    (type === undefined ? KEY_TYPE_NAMES : [type]).map(lengthOf),
  )
  return refusal(`the material is ${found}`, needed(type), ...hints)
}
