import { KEY_TYPES, LONGEST_HMAC, type KeyTypeName } from '../key-types.js'
import { extent, TAG } from './der.js'
import { DECODE_COMMANDS, decodeBase64, decodeHex } from './digits.js'
import { foreignFile } from './foreign.js'
import { DASHES_HINT, pipe } from './invalid-material.js'
import { isLengthOf, lengthOf, view } from './material.js'
import { bareSecret } from './bare-secret.js'
import { isText } from './weak.js'

/** A description that follows `the material is `, and hints. */
export interface Diagnosis {
  readonly found: string
  readonly hints: readonly string[]
}

/** The material, decoded from a text form. */
export interface Decoded {
  readonly form: string
  readonly bytes: Uint8Array
}

/** Material that fits no key type. */
interface Case {
  readonly bytes: Uint8Array
  /** The material decoded from hex and base64. */
  readonly decoded: readonly Decoded[]
  /** The types that the material can have. */
  readonly types: readonly KeyTypeName[]
  /** The type that the user specified. */
  readonly type: KeyTypeName | undefined
}

type Symptom = (given: Case) => Diagnosis | undefined

/** The hint for a user whose key is text. */
export const TEXT_HINT =
  'if the characters themselves are the key, import a file that contains nothing else, with format=raw'

/** Common mistakes, the most specific first. */
const SYMPTOMS: readonly Symptom[] = [
  function lineEnd({ bytes, types }) {
    const length = bytes.length - (bytes.at(-2) === 0x0d ? 2 : 1)
    if (bytes.at(-1) !== 0x0a || isText(bytes) || !isLengthOf(types, length)) return undefined
    return {
      found: `${length} bytes followed by a line end, which is not part of a key`,
      hints: [pipe(`remove it: head -c ${length} FILE`)],
    }
  },
  function blockPadding({ bytes, types }) {
    const count = bytes.at(-1) ?? 0
    const isPadding = count > 0 && bytes.subarray(-count).every((byte) => byte === count)
    const length = bytes.length - count
    const isKey = types.some((type) => lengthOf(type) === length)
    if (!isPadding || count > 16 || isText(bytes) || !isKey) return undefined
    return {
      found: `${length} bytes followed by ${count} bytes of padding, which are not part of a key`,
      hints: [pipe(`remove them: head -c ${length} FILE`)],
    }
  },
  function foreign({ bytes }) {
    const file = foreignFile(bytes)
    return file && { found: file.name, hints: file.hints }
  },
  function utf16({ bytes }) {
    const isMarked =
      (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
    const zeros = bytes.filter((byte) => byte === 0).length
    if (!isMarked && zeros < bytes.length / 3) return undefined
    return {
      found:
        'perhaps UTF-16 text, as PowerShell writes it: it has many zero bytes, or begins with a byte order mark',
      hints: [pipe('convert it to UTF-8: iconv -f UTF-16 -t UTF-8 FILE')],
    }
  },
  function dashes({ bytes }) {
    if (!/BEGIN [A-Z ]*KEY/.test(view(bytes).toString('latin1', 0, 100))) return undefined
    return { found: 'a PEM whose first line does not have five ASCII dashes', hints: [DASHES_HINT] }
  },
  function der({ bytes }) {
    const end = bytes[0] === TAG.SEQUENCE && (bytes[1] ?? 0) > 0x80 ? extent(bytes)?.end : undefined
    if (end === undefined || end === bytes.length) return undefined
    const found =
      end > bytes.length ? 'perhaps truncated DER' : 'perhaps DER with extra bytes at its end'
    return {
      found: `${found}: ${bytes.length} bytes, but its header says ${end}`,
      hints: ['use another copy of the key'],
    }
  },
  function seedOrScalar({ bytes, decoded, type }) {
    const spec = type && KEY_TYPES[type].material
    const readings = isText(bytes) ? decoded : [{ form: 'raw', bytes }]
    return spec && bareSecret(spec, readings)
  },
  function decorated({ bytes }) {
    if (!isUtf8Text(bytes)) return undefined
    const text = view(bytes).toString('utf8').trim()
    return DECORATIONS.find(({ is }) => is.test(text))
  },
  function encodedTwice({ decoded }) {
    for (const { form, bytes } of decoded) {
      const content = contentOf(bytes)
      if (content !== undefined)
        return {
          found: `${form} of ${content}`,
          hints: [pipe(`decode it: ${DECODE_COMMANDS[form] ?? ''}`)],
        }
    }
    return undefined
  },
  function otherLength({ bytes, decoded, types }) {
    if (decoded.length === 0) return undefined
    const other = decoded.slice(1).find((read) => isLengthOf(types, read.bytes.length))
    return {
      found: `text: ${decoded.map((read) => `${read.form} of ${read.bytes.length} bytes`).join(', or ')}`,
      hints: [
        ...(other ? [`if it is ${other.form}, add format=${other.form}`] : []),
        ...textHints(bytes, types),
      ],
    }
  },
  function padding({ bytes }) {
    const end = view(bytes).toString('latin1').trimEnd().replace(/=+$/, '').length
    if (!isText(bytes) || end === bytes.length || !decodeBase64(bytes.subarray(0, end)))
      return undefined
    return {
      found: 'base64 with another number of = at its end than it needs',
      hints: [pipe('remove them: tr -d = < FILE')],
    }
  },
  function longHmac({ bytes, type }) {
    const hash = /^hmac-(.*)$/.exec(type ?? '')?.[1]
    if (hash === undefined || bytes.length <= LONGEST_HMAC || isText(bytes)) return undefined
    return {
      found: `${bytes.length} bytes`,
      hints: [
        pipe(`import its digest, which has the same MACs: openssl dgst -${hash} -binary FILE`),
      ],
    }
  },
  function text({ bytes, types }) {
    if (!isText(bytes)) return undefined
    return {
      found: `text of ${bytes.length} characters that is not a PEM, JWK, hex or base64`,
      hints: textHints(bytes, types),
    }
  },
]

/** Hex or base64 with something around the digits. */
const DECORATIONS: readonly (Diagnosis & { readonly is: RegExp })[] = [
  {
    is: /^(["'`])[^"'`]*\1$/,
    found: 'text in quotes',
    hints: [pipe(`remove them: tr -d '"\\047\`' < FILE`)],
  },
  {
    is: /^[\u2018-\u201f][^]*[\u2018-\u201f]$/,
    found: 'text in typographic quotes',
    hints: [pipe("remove them: sed 's/[“”‘’]//g' FILE")],
  },
  {
    is: /^[0-9a-f]{2}([:-]\s*[0-9a-f]{2})+$/i,
    found: 'hex with a separator between its bytes',
    hints: [pipe("remove it: tr -d ':-' < FILE")],
  },
  {
    is: /0x[0-9a-f]{2}\s*,|(\\x[0-9a-f]{2}){4}/i,
    found: 'a list of bytes in the notation of C',
    hints: [pipe("convert it to hex: grep -o 'x[0-9a-fA-F][0-9a-fA-F]' FILE | cut -c2-")],
  },
]

/** Returns the mistake that the material shows, or undefined. */
export function symptomOf(given: Case): Diagnosis | undefined {
  for (const symptom of SYMPTOMS) {
    const diagnosis = symptom(given)
    if (diagnosis) return { found: diagnosis.found, hints: diagnosis.hints }
  }
  return undefined
}

/** Describes material that fits no key type. */
export function diagnose(given: Case): Diagnosis {
  const { bytes, types } = given
  const isSecret = types.some((type) => lengthOf(type) !== undefined)
  return (
    symptomOf(given) ?? {
      found: `${bytes.length} bytes${isSecret ? '' : ' that are not a private key'}`,
      hints: [],
    }
  )
}

/** Identifies the content of decoded material that is not the key itself. */
export function contentOf(bytes: Uint8Array): string | undefined {
  if (view(bytes).includes('-----BEGIN ')) return 'a PEM file'
  const foreign = foreignFile(bytes)
  if (foreign) return foreign.name
  if (!isText(bytes)) return undefined
  if (/^\s*[{[]/.test(view(bytes).toString('latin1', 0, 100))) return 'JSON'
  if (decodeHex(bytes)) return 'hex'
  return decodeBase64(bytes) ? 'base64' : undefined
}

function isUtf8Text(bytes: Uint8Array): boolean {
  try {
    return !/[\0-\x08]/.test(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return false
  }
}

function textHints(bytes: Uint8Array, types: readonly KeyTypeName[]): readonly string[] {
  return isLengthOf(types, bytes.length) ? [TEXT_HINT] : []
}
