import { resolve } from 'node:path'
import { ministack, type Emulator } from '../emulators.js'
import { goModule, mavenJar, pythonPackages } from '../installers.js'

const HERE = 'test/conformance/emulators/s3'

/** Servers of the S3 protocol that honour the conditions of requests. Some have STS too. */
export const S3_SERVERS: readonly (Emulator & { readonly hasSts?: true })[] = [
  {
    name: 'moto-s3',
    install: pythonPackages('moto.txt'),
    start: (port) => [resolve(HERE, 'single-threaded-moto.py'), String(port)],
    ready: '/moto-api/',
    hasSts: true,
  },
  ministack('ministack-s3', 's3'),
]

/** Servers of the S3 protocol that ignore conditions, with the first rule that each one breaks. */
export const FAULTY_S3_SERVERS: readonly (Emulator & { readonly breaks: string })[] = [
  {
    name: 'gofakes3',
    install: goModule(`${HERE}/gofakes3`),
    start: (port) => [String(port)],
    ready: '/',
    breaks: 'If-Match refuses to delete an object that has changed',
  },
  {
    name: 's3proxy',
    install: mavenJar('org.gaul:s3proxy:3.1.0:jar:jar-with-dependencies', 'org.gaul.s3proxy.Main'),
    start: () => ['--properties', resolve(HERE, 's3proxy.conf')],
    // The JVM reads this variable; its options become properties of s3proxy.
    env: (port) => ({ JDK_JAVA_OPTIONS: `-Ds3proxy.endpoint=http://127.0.0.1:${port}` }),
    ready: '/',
    breaks: 'If-Match refuses to delete an object that has changed',
  },
]
