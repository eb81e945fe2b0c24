import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { KeymgmtError } from '../errors.js'
import { readRegularFile, UnsuitableFileError } from '../regular-file.js'
import type { AwsConfiguration } from './configuration.js'

/** The certificate authorities that replace the default ones. */
export interface CaBundle {
  readonly secureContext: SecureContext
  /** The file and where its name came from, for messages. */
  readonly source: string
}

/**
 * Reads the bundle that `AWS_CA_BUNDLE` names, or else `ca_bundle` of the profile in the shared
 * configuration file. Returns undefined if neither is set: the default authorities apply.
 * @throws KeymgmtError TLS_REFUSED if the bundle can't be read or contains no valid certificate.
 */
export function loadCaBundle({ env, profile, settings }: AwsConfiguration): CaBundle | undefined {
  const named = env.AWS_CA_BUNDLE
    ? { file: env.AWS_CA_BUNDLE, from: 'AWS_CA_BUNDLE' }
    : { file: settings.ca_bundle, from: `ca_bundle of the AWS profile ${profile}` }
  if (!named.file) return undefined
  const source = `${named.file} (from ${named.from})`
  const text = readBundle(named.file, source, named.from)
  const certificates =
    text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (certificates.length === 0)
    throw unusable(`the CA bundle ${source} contains no PEM certificate`, named.from)
  for (const [index, certificate] of certificates.entries()) {
    if (!isCertificate(certificate))
      throw unusable(`certificate ${index + 1} of the CA bundle ${source} is damaged`, named.from)
  }
  return { secureContext: createSecureContext({ ca: certificates }), source }
}

/** More than every certificate authority that there is. */
const MAX_SIZE = 4 * 1024 * 1024

function readBundle(file: string, source: string, from: string): string {
  try {
    return readRegularFile(file, { maxSize: MAX_SIZE }).toString('latin1')
  } catch (error) {
    if (error instanceof UnsuitableFileError)
      throw unusable(`the CA bundle ${source} ${error.message}`, from)
    const { code } = error as NodeJS.ErrnoException
    throw unusable(`can't read the CA bundle ${source}: ${code ?? 'unknown error'}`, from)
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

function unusable(message: string, from: string): KeymgmtError {
  return new KeymgmtError('TLS_REFUSED', message, {
    hints: [
      `set ${from} to a readable PEM file with the certificate authorities to trust, or unset it to trust the default ones`,
    ],
  })
}
