import { checkPrimeSync } from 'node:crypto'

/**
 * The numbers of an RSA private key with two primes (RFC 8017 appendix A.1.2). BigInts: they can't
 * be wiped.
 */
export interface RsaNumbers {
  readonly n: bigint
  readonly e: bigint
  readonly d: bigint
  readonly p: bigint
  readonly q: bigint
  readonly dp: bigint
  readonly dq: bigint
  readonly qi: bigint
}

/**
 * The checks, each with its fault; a later check may rely on the earlier ones. Together they are
 * FIPS 186-5 appendix A.1.1, NIST SP 800-56B section 6.4.1.2.3, and ROCA. A test signature would
 * prove less: if the other numbers are wrong, OpenSSL falls back to `d`, but the HSM of a KMS may
 * not.
 */
const CHECKS: readonly (readonly [
  holds: (rsa: RsaNumbers, half: bigint) => boolean,
  otherwise: string,
])[] = [
  [
    ({ e }) => e % 2n === 1n && e >= 65537n && e >> 256n === 0n,
    'its public exponent is not an odd number of 65537 or more (and of 256 bits at most)',
  ],
  [({ n, p, q }) => p * q === n, 'its modulus is not the product of its two primes'],
  [
    ({ p, q }, half) => p >> half === 0n && q >> half === 0n,
    'its two primes are not of the same size, so that its modulus is easy to factor',
  ],
  [
    ({ p, q }, half) => magnitude(p - q) >> (half - 100n) > 0n,
    'its two primes are too close to each other, so that its modulus is easy to factor',
  ],
  [({ d, n }, half) => d >> half > 0n && d < n, 'its private exponent is too small or too large'],
  [
    ({ e, d, p, q }) => (e * d) % (p - 1n) === 1n && (e * d) % (q - 1n) === 1n,
    'its private exponent does not belong to its public one',
  ],
  [
    ({ d, p, q, dp, dq, qi }) =>
      dp === d % (p - 1n) && dq === d % (q - 1n) && qi < p && (qi * q) % p === 1n,
    'its precomputed numbers (exponent1, exponent2, coefficient) do not belong to its primes',
  ],
  [({ n }) => !isRoca(n), 'it was made by a chip whose keys can be broken (ROCA, CVE-2017-15361)'],
  [({ p, q }) => checkPrimeSync(p) && checkPrimeSync(q), 'one of its primes is not a prime number'],
]

/**
 * Returns the fault of an RSA private key of `modulusLength` bits in words, or undefined. Takes
 * about 0.3 s for 4096 bits.
 */
export function rsaFault(rsa: RsaNumbers, modulusLength: number): string | undefined {
  return CHECKS.find(([holds]) => !holds(rsa, BigInt(modulusLength / 2)))?.[1]
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value
}

/**
 * The fingerprint of "The Return of Coppersmith's Attack" (2017). One good key in 2^27 matches by
 * chance.
 */
function isRoca(modulus: bigint): boolean {
  const smallPrimes = Array.from({ length: 83 }, (_, index) => BigInt(2 * index + 3)).filter(
    (number) => checkPrimeSync(number),
  )
  return smallPrimes.every((prime) => powersOf65537(prime).has(modulus % prime))
}

/** The powers of 65537 modulo `prime`. */
function powersOf65537(prime: bigint): ReadonlySet<bigint> {
  const powers = new Set<bigint>()
  for (let power = 1n; !powers.has(power); power = (power * 65537n) % prime) powers.add(power)
  return powers
}
