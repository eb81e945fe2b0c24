import { extent, TAG } from './der.js'
import { view } from './material.js'
import { isText } from './weak.js'

/** A description that follows `the material is `, and hints. */
export interface Diagnosis {
  readonly found: string
  readonly hints: readonly string[]
}

/** The material, decoded from a text form. */
interface Decoded {
  readonly form: string
  readonly bytes: Uint8Array
}

type Symptom = (
  bytes: Uint8Array,
  decoded: readonly Decoded[],
  lengths: readonly (number | undefined)[],
) => Diagnosis | undefined

/** The only way to import text as a key. */
export const TEXT_IS_MEANT =
  'if the characters themselves are the key, import a file that contains nothing else, with format=raw'

/** Common mistakes, the most specific first. */
const SYMPTOMS: readonly Symptom[] = [
  function lineEnd(bytes, _decoded, lengths) {
    const length = bytes.length - (bytes.at(-2) === 0x0d ? 2 : 1)
    if (bytes.at(-1) !== 0x0a || isText(bytes) || !lengths.includes(length)) return undefined
    return {
      found: `${length} bytes followed by a line end, which is not part of a key`,
      hints: [`remove it: head -c ${length} key.bin | keymgmt write … material=-`],
    }
  },
  function utf16(bytes) {
    const isMarked =
      (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
    const zeros = bytes.filter((byte) => byte === 0).length
    if (!isMarked && zeros < bytes.length / 3) return undefined
    return {
      found:
        'perhaps UTF-16 text, as PowerShell writes it: it has many zero bytes, or begins with a byte order mark',
      hints: ['convert it to UTF-8: iconv -f UTF-16 -t UTF-8 key | keymgmt write … material=-'],
    }
  },
  function ssh(bytes) {
    if (!/^(ssh-|ecdsa-sha2-|sk-)/.test(beginning(bytes))) return undefined
    return {
      found: 'an OpenSSH public key, and a private key is needed',
      hints: ['its private key is the file of the same name without .pub'],
    }
  },
  function putty(bytes) {
    if (!beginning(bytes).startsWith('PuTTY-User-Key-File')) return undefined
    return {
      found: 'a PuTTY private key, which keymgmt does not read',
      hints: [
        'convert it: puttygen KEY.ppk -O private-openssh -o COPY; ssh-keygen -p -m PKCS8 -f COPY; then import COPY and remove it',
      ],
    }
  },
  function der(bytes) {
    const end = bytes[0] === TAG.SEQUENCE && (bytes[1] ?? 0) > 0x80 ? extent(bytes)?.end : undefined
    if (end === undefined || end === bytes.length) return undefined
    const found =
      end > bytes.length ? 'perhaps truncated DER' : 'perhaps DER with extra bytes at its end'
    return {
      found: `${found}: ${bytes.length} bytes, but its header says ${end}`,
      hints: ['use another copy of the key'],
    }
  },
  function otherLength(bytes, decoded, lengths) {
    if (decoded.length === 0) return undefined
    return {
      found: `text: ${decoded.map((read) => `${read.form} of ${read.bytes.length} bytes`).join(', or ')}`,
      hints: textHints(bytes, lengths),
    }
  },
  function text(bytes, _decoded, lengths) {
    if (!isText(bytes)) return undefined
    return {
      found: `text of ${bytes.length} characters that is not a PEM, JWK, hex or base64`,
      hints: textHints(bytes, lengths),
    }
  },
]

/**
 * Describes material that fits no key type. `decoded` is the material decoded from hex and base64;
 * `lengths` are the accepted lengths.
 */
export function diagnose(...given: Parameters<Symptom>): Diagnosis {
  for (const symptom of SYMPTOMS) {
    const diagnosis = symptom(...given)
    if (diagnosis) return diagnosis
  }
  const [bytes, , lengths] = given
  return {
    found: `${bytes.length} bytes${lengths.some((length) => length !== undefined) ? '' : ' that are not a private key'}`,
    hints: [],
  }
}

function textHints(bytes: Uint8Array, lengths: readonly (number | undefined)[]): readonly string[] {
  return lengths.includes(bytes.length) ? [TEXT_IS_MEANT] : []
}

function beginning(bytes: Uint8Array): string {
  return view(bytes).toString('latin1', 0, 20)
}
