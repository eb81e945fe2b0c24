import type { MaterialSpec } from '../key-types.js'
import { encode, TAG } from './der.js'
import type { Decoded, Diagnosis } from './diagnosis.js'
import { DECODE_COMMANDS } from './digits.js'
import { pipe } from './invalid-material.js'

/** The bytes around the bare secret of a private key that complete its structure. */
interface Wrapping {
  readonly name: string
  readonly length: number
  readonly before: Uint8Array
  readonly after: Uint8Array
}

/** The content octets of the curves' object identifiers (RFC 5480 section 2.1.1.1, SEC 2). */
const CURVE_IDS: Readonly<Record<string, readonly [length: number, id: string]>> = {
  prime256v1: [32, '2a8648ce3d030107'],
  secp384r1: [48, '2b81040022'],
  secp521r1: [66, '2b81040023'],
  secp256k1: [32, '2b8104000a'],
}

/** PKCS#8 up to the seed (RFC 8410 section 7). */
const ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/**
 * Recognises the seed of an Ed25519 key or the scalar of an EC key by its length. The hint builds
 * the private key around it in a pipe.
 */
export function bareSecret(
  spec: MaterialSpec,
  readings: readonly Decoded[],
): Diagnosis | undefined {
  const wrapping = wrappingOf(spec)
  if (!wrapping) return undefined
  for (const { form, bytes } of readings) {
    if (bytes.length !== wrapping.length) continue
    const read = DECODE_COMMANDS[form] ?? 'cat FILE'
    const after = wrapping.after.length === 0 ? '' : `; printf '${octal(wrapping.after)}'`
    return {
      found: `${bytes.length} bytes${form === 'raw' ? '' : ` in ${form}`}, perhaps ${wrapping.name} without the structure around it`,
      hints: [pipe(`add the structure: (printf '${octal(wrapping.before)}'; ${read}${after})`)],
    }
  }
  return undefined
}

function wrappingOf(spec: MaterialSpec): Wrapping | undefined {
  if (spec.kind === 'ed25519')
    return {
      name: 'the seed of an Ed25519 key',
      length: 32,
      before: ED25519_PREFIX,
      after: new Uint8Array(),
    }
  const [length, id] = (spec.kind === 'ec' ? CURVE_IDS[spec.namedCurve] : undefined) ?? []
  if (length === undefined || id === undefined) return undefined
  // SEC1 (RFC 5915) without the public point, which is computed.
  const after = encode(TAG.CONTEXT_0, encode(TAG.OID, Buffer.from(id, 'hex')))
  const version = encode(TAG.INTEGER, Uint8Array.of(1))
  const whole = encode(
    TAG.SEQUENCE,
    version,
    encode(TAG.OCTET_STRING, new Uint8Array(length)),
    after,
  )
  return {
    name: 'the secret number of an EC key',
    length,
    before: whole.subarray(0, whole.length - length - after.length),
    after,
  }
}

/** Bytes for printf, which every shell reads in octal. */
function octal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}
