import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { webcrypto } from 'node:crypto'

/** A key and its certificate, for a TLS server. */
export interface ServerCertificate {
  readonly key: string
  readonly cert: string
}

/** A certificate authority of this test run. */
export interface Authority {
  readonly pem: string
  /** A certificate for `hosts`, valid from yesterday, or until yesterday if it has expired. */
  issue(hosts: readonly string[], expired?: boolean): Promise<ServerCertificate>
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 86_400_000

/** Creates a certificate authority that nobody trusts yet. */
export async function createAuthority(name: string): Promise<Authority> {
  const subject = `CN=${name}`
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const own = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: subject,
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(false),
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  })
  return {
    pem: `${own.toString('pem')}\n`,
    issue: async (hosts, expired = false) => {
      const pair = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
      const certificate = await X509CertificateGenerator.create({
        serialNumber: '02',
        subject: `CN=${hosts[0] ?? name}`,
        issuer: subject,
        publicKey: pair.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...validity(expired),
        extensions: [new SubjectAlternativeNameExtension(hosts.map(alternativeName))],
      })
      return { key: await exportKey(pair.privateKey), cert: certificate.toString('pem') }
    },
  }
}

function validity(expired: boolean): { notBefore: Date; notAfter: Date } {
  const now = Date.now()
  return {
    notBefore: new Date(now - 2 * DAY_MS),
    notAfter: new Date(now + (expired ? -DAY_MS : DAY_MS)),
  }
}

function alternativeName(host: string): { type: 'ip' | 'dns'; value: string } {
  return { type: /^[\d.]+$/.test(host) ? 'ip' : 'dns', value: host }
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`
}
