import { pythonPackages, type Install } from './installers.js'

/** A server that another project wrote, and that runs on this machine. */
export interface Emulator {
  readonly name: string
  /** Installs it, with a pinned version of everything. */
  readonly install: Install
  /** The arguments with which it serves `port`. */
  readonly start: (port: number) => readonly string[]
  /** The variables that keep it on loopback, at `port`, and its files in `folder`. */
  readonly env?: (port: number, folder: string) => Readonly<Record<string, string>>
  /** A path that returns 200 as soon as the server is ready. */
  readonly ready: string
}

/** The emulators of AWS KMS. */
export const EMULATORS: readonly Emulator[] = [
  {
    name: 'localstack',
    install: pythonPackages('localstack.txt'),
    start: () => ['-m', 'localstack.runtime.main'],
    env: (port, folder) => ({
      FILESYSTEM_ROOT: folder,
      GATEWAY_LISTEN: `127.0.0.1:${port}`,
      GATEWAY_SERVER: 'hypercorn',
      SERVICES: 'kms',
      EAGER_SERVICE_LOADING: '1',
      STRICT_SERVICE_LOADING: '1',
      DISABLE_EVENTS: '1',
      SKIP_SSL_CERT_DOWNLOAD: '1',
      DNS_ADDRESS: '0',
    }),
    ready: '/_localstack/health',
  },
  ministack('ministack', 'kms'),
]

/** Returns ministack, limited to these services of AWS. */
export function ministack(name: string, services: string): Emulator {
  return {
    name,
    install: pythonPackages('ministack.txt'),
    start: () => ['-m', 'ministack'],
    // Without the last two, it listens on every interface, even if SERVICES limits it.
    env: (port) => ({
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      SERVICES: services,
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
    }),
    ready: '/_ministack/ready',
  }
}
