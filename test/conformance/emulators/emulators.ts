/** A KMS implementation of somebody else's, as a Python package. */
export interface Emulator {
  readonly name: string
  /** What is installed, each package pinned, in `requirements/`. */
  readonly requirements: string
  /** The arguments of the virtual environment's Python that start it. */
  readonly start: readonly string[]
  /** What tells it to stay on loopback, at `port`, and to keep its files in `folder`. */
  readonly env: (port: number, folder: string) => Readonly<Record<string, string>>
  /** What answers 200 once it is ready. */
  readonly ready: string
}

export const EMULATORS: readonly Emulator[] = [
  {
    name: 'localstack',
    requirements: 'localstack.txt',
    start: ['-m', 'localstack.runtime.main'],
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
  {
    name: 'ministack',
    requirements: 'ministack.txt',
    start: ['-m', 'ministack'],
    // Without the last two it listens on every interface, whatever SERVICES says.
    env: (port) => ({
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      SERVICES: 'kms',
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
    }),
    ready: '/_ministack/ready',
  },
]
