import { extent, TAG } from './der.js'
import { view } from './material.js'
import { isText } from './weak.js'

/** What the material turned out to be, to follow `the material is `, and ways out. */
export interface Diagnosis {
  readonly found: string
  readonly hints: readonly string[]
}

/** A readable form that the material could have, but not of a length that is wanted. */
interface Decoded {
  readonly form: string
  readonly bytes: Uint8Array
}

type Symptom = (
  bytes: Uint8Array,
  decoded: readonly Decoded[],
  lengths: readonly (number | undefined)[],
) => Diagnosis | undefined

/** If the characters of a text are the key: the one way in which text is taken. */
export const TEXT_IS_MEANT =
  'if the characters themselves are the key, import a file of just them with format=raw'

/** What people bring by mistake, the most telling first. */
const SYMPTOMS: readonly Symptom[] = [
  function lineEnd(bytes, _decoded, lengths) {
    const length = bytes.length - (bytes.at(-2) === 0x0d ? 2 : 1)
    if (bytes.at(-1) !== 0x0a || isText(bytes) || !lengths.includes(length)) return undefined
    return {
      found: `${length} bytes followed by a line end, which is not part of a key`,
      hints: [`leave it out: head -c ${length} key.bin | keymgmt write … material=-`],
    }
  },
  function utf16(bytes) {
    const isMarked =
      (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
    const zeros = bytes.filter((byte) => byte === 0).length
    if (!isMarked && zeros < bytes.length / 3) return undefined
    return {
      found:
        'perhaps UTF-16 text, as PowerShell writes it: much of it is zeros, or it has the mark of it',
      hints: ['write it as UTF-8: iconv -f UTF-16 -t UTF-8 key | keymgmt write … material=-'],
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
      found: 'a PuTTY private key, which is not read here',
      hints: [
        'convert it: puttygen KEY.ppk -O private-openssh -o COPY; ssh-keygen -p -m PKCS8 -f COPY; then import COPY and remove it',
      ],
    }
  },
  function der(bytes) {
    const end = bytes[0] === TAG.SEQUENCE && (bytes[1] ?? 0) > 0x80 ? extent(bytes)?.end : undefined
    if (end === undefined || end === bytes.length) return undefined
    const found =
      end > bytes.length
        ? 'perhaps DER that is cut short'
        : 'perhaps DER with something after its end'
    return {
      found: `${found}: ${bytes.length} bytes, where its first ones say ${end}`,
      hints: ['use another copy of the key'],
    }
  },
  function otherLength(bytes, decoded, lengths) {
    if (decoded.length === 0) return undefined
    return {
      found: `text: ${decoded.map((read) => `${read.form} of ${read.bytes.length} bytes`).join(', or ')}`,
      hints: meant(bytes, lengths),
    }
  },
  function text(bytes, _decoded, lengths) {
    if (!isText(bytes)) return undefined
    return {
      found: `text of ${bytes.length} characters that is not a PEM, JWK, hex or base64`,
      hints: meant(bytes, lengths),
    }
  },
]

/**
 * What material is that no reading of it fits: `decoded` is it as hex and base64, `lengths` those
 * wanted.
 */
export function whatIsIt(...given: Parameters<Symptom>): Diagnosis {
  for (const symptom of SYMPTOMS) {
    const diagnosis = symptom(...given)
    if (diagnosis) return diagnosis
  }
  const [bytes, , lengths] = given
  return {
    found: `${bytes.length} bytes${lengths.some((length) => length !== undefined) ? '' : ' that are no private key'}`,
    hints: [],
  }
}

function meant(bytes: Uint8Array, lengths: readonly (number | undefined)[]): readonly string[] {
  return lengths.includes(bytes.length) ? [TEXT_IS_MEANT] : []
}

function beginning(bytes: Uint8Array): string {
  return view(bytes).toString('latin1', 0, 20)
}
