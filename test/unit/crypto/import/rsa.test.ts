import { expect, it } from '@jest/globals'
import {
  checkPrimeSync,
  generateKeyPairSync,
  generatePrimeSync,
  randomBytes,
  randomInt,
} from 'node:crypto'
import { rsaFault, type RsaNumbers } from '../../../../src/crypto/import/rsa.js'

const BITS = 1024
const HALF = BigInt(BITS / 2)

function inverse(value: bigint, modulus: bigint): bigint {
  let [before, remainder, previous, factor] = [modulus, value % modulus, 0n, 1n]
  while (remainder > 0n)
    [before, remainder, previous, factor] = [
      remainder,
      before % remainder,
      factor,
      previous - (before / remainder) * factor,
    ]
  return ((previous % modulus) + modulus) % modulus
}

function keyOf(p: bigint, q: bigint, e = 65537n): RsaNumbers {
  const d = inverse(e, (p - 1n) * (q - 1n))
  return { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) }
}

function numbersOf(): RsaNumbers {
  const jwk = generateKeyPairSync('rsa', { modulusLength: BITS }).privateKey.export({
    format: 'jwk',
  })
  const [n = 0n, e = 0n, d = 0n, p = 0n, q = 0n, dp = 0n, dq = 0n, qi = 0n] = (
    ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] as const
  ).map((name) => BigInt(`0x${Buffer.from(jwk[name] ?? '', 'base64url').toString('hex')}`))
  return { n, e, d, p, q, dp, dq, qi }
}

const good = numbersOf()
const other = numbersOf()

/**
 * A prime as in CVE-2017-15361: k·M + (65537^a mod M), where M is the product of the primes up to
 * 167.
 */
function rocaPrime(): bigint {
  const product = Array.from({ length: 166 }, (_, index) => BigInt(index + 2))
    .filter((number) => checkPrimeSync(number))
    .reduce((all, prime) => all * prime)
  const power = Array.from({ length: randomInt(1000, 2000) }).reduce<bigint>(
    (value) => (value * 65537n) % product,
    1n,
  )
  // Sets the two highest bits, so that the product of two such primes has its full length.
  for (
    let k = (3n << (HALF - 2n)) / product + BigInt(`0x${randomBytes(34).toString('hex')}`);
    ;
    k++
  ) {
    if (checkPrimeSync(k * product + power)) return k * product + power
  }
}

/** A private exponent of the right size that is correct for one of the primes only. */
function matchingOnly(prime: bigint): bigint {
  return inverse(good.e, prime - 1n) + (prime - 1n) * (2n ** (HALF - 8n) + 1n)
}

function nextPrime(after: bigint): bigint {
  for (let candidate = after + 2n; ; candidate += 2n)
    if (checkPrimeSync(candidate)) return candidate
}

it('a key that Node generated has no fault', () => {
  expect(rsaFault(good, BITS)).toBeUndefined()
  expect(rsaFault(keyOf(good.p, good.q, 2n ** 64n + 13n), BITS)).toBeUndefined()
})

// The numbers differ in every run, so the test titles omit them.
it.each<readonly [string, RsaNumbers]>([
  ['public exponent', { ...good, e: 3n }],
  ['public exponent', { ...good, e: 65538n }],
  ['public exponent', { ...good, e: 2n ** 256n + 1n }],
  ['not the product', { ...good, n: good.n + 2n }],
  ['not the product', { ...good, p: 0n, q: 0n }],
  ['not of the same size', { ...good, p: 1n, q: good.n }],
  ['not of the same size', { ...good, p: good.n, q: 1n }],
  [
    'not of the same size',
    keyOf(generatePrimeSync(256, { bigint: true }), generatePrimeSync(768, { bigint: true })),
  ],
  ['too close', keyOf(good.p, nextPrime(good.p))],
  ['too close', keyOf(good.p, good.p)],
  ['too small', { ...good, d: 3n }],
  ['too large', { ...good, d: good.n }],
  ['too large', { ...good, d: good.d + good.n }],
  ['does not belong to its public one', { ...good, d: other.d % good.n }],
  ['does not belong to its public one', { ...good, d: matchingOnly(good.p) }],
  ['does not belong to its public one', { ...good, d: matchingOnly(good.q) }],
  ['precomputed', { ...good, dp: other.dp }],
  ['precomputed', { ...good, dq: good.dq + 1n }],
  ['precomputed', { ...good, qi: good.qi + 1n }],
  ['precomputed', { ...good, qi: good.qi + good.p }],
])('names the fault: %s (%#)', (words, key) => {
  expect(rsaFault(key, BITS)).toContain(words)
})

it('finds ROCA keys', () => {
  const fault = 'it was made by a chip whose keys can be broken (ROCA, CVE-2017-15361)'
  expect(rsaFault(keyOf(rocaPrime(), rocaPrime()), BITS)).toBe(fault)
  // Only primes up to 167 reveal ROCA keys: a power of 65537 is 1 or 8 modulo 9, but a ROCA modulus
  // need not be.
  let key = good
  while (key === good || [1n, 8n].includes(key.n % 9n)) key = keyOf(rocaPrime(), rocaPrime())
  expect(rsaFault(key, BITS)).toBe(fault)
})

it('finds a composite number in place of a prime', () => {
  const [a, b] = [
    generatePrimeSync(256, { bigint: true }),
    generatePrimeSync(256, { bigint: true }),
  ]
  const key = keyOf(a * b, good.q)
  expect(rsaFault(key, BITS)).toContain('one of its primes is not a prime number')
})
