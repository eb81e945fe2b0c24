import { loadSharedConfigFiles } from '@smithy/core/config'
import { KeymgmtError } from '../errors.js'
import { assertEndpoint } from './endpoint.js'
import type { Env } from './proxy.js'

type Section = Readonly<Record<string, string | undefined>>

/**
 * The AWS configuration in force: a provider's settings, the environment, and one profile of the
 * shared files.
 */
export interface AwsConfiguration {
  /** The `credentials` of the provider, by name. */
  readonly stored: Section
  readonly env: Env
  /** The profile's name, which need not exist in a file. */
  readonly profile: string
  /** The settings of the profile. As in the AWS CLI, the credentials file takes precedence. */
  readonly settings: Section
  /** The profile's `services` section, with names such as `kms.endpoint_url`. */
  readonly services: Section
  /** The shared files that the environment names, for lookups in the SDK. */
  readonly files: { readonly configFilepath?: string; readonly filepath?: string }
}

/** The services whose endpoints keymgmt chooses. */
export type AwsService = 'kms' | 'sts' | 's3'

/** A custom endpoint, and the name of the setting that defines it. */
export interface CustomEndpoint {
  readonly url: string
  readonly source: string
}

/**
 * Reads the configuration with the profile of the provider's `stored` credentials, or else the one
 * that AWS_PROFILE names, or else `default`.
 * @throws KeymgmtError KMS_CREDENTIALS if a named profile, or its `services` section, does not
 * exist: its endpoint and FIPS settings would be ignored silently.
 */
export async function readConfiguration(env: Env, stored: Section = {}): Promise<AwsConfiguration> {
  const { AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE } = env
  const files = {
    ...(AWS_CONFIG_FILE && { configFilepath: AWS_CONFIG_FILE }),
    ...(AWS_SHARED_CREDENTIALS_FILE && { filepath: AWS_SHARED_CREDENTIALS_FILE }),
  }
  const { configFile, credentialsFile } = await loadSharedConfigFiles(files)
  const named = [stored.profile, AWS_PROFILE].find(Boolean)
  const profile = named ?? 'default'
  const exists = Object.hasOwn(configFile, profile) || Object.hasOwn(credentialsFile, profile)
  if (named !== undefined && !exists) {
    const known = new Set([...Object.keys(configFile), ...Object.keys(credentialsFile)])
    throw missingProfile(profile, stored.profile ? 'credentials=profile' : 'AWS_PROFILE', known)
  }
  const settings = { ...configFile[profile], ...credentialsFile[profile] }
  const services =
    settings.services === undefined ? {} : configFile[`services.${settings.services}`]
  if (services === undefined)
    throw new KeymgmtError(
      'KMS_CREDENTIALS',
      `the AWS profile ${profile} names the services section ${settings.services ?? ''}, which does not exist`,
      { hints: [`add [services ${settings.services ?? ''}] to the AWS configuration file`] },
    )
  return { stored, env, profile, settings, services, files }
}

/** Matches the sections of the configuration file that are not profiles. */
const OTHER_SECTIONS = /^(services|sso-session)\./

function missingProfile(name: string, source: string, known: Iterable<string>): KeymgmtError {
  const profiles = [...known].filter((each) => !OTHER_SECTIONS.test(each)).sort()
  const shown = profiles.length > 10 ? [...profiles.slice(0, 10), '…'] : profiles
  return new KeymgmtError(
    'KMS_CREDENTIALS',
    `the AWS profile ${name} (from ${source}) does not exist`,
    {
      hints: [
        shown.length > 0
          ? `the AWS configuration files have the profiles ${shown.join(', ')}`
          : 'there are no AWS configuration files: set AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE or HOME',
      ],
    },
  )
}

/** PURE: returns the custom endpoint of a service; undefined for AWS's own. */
export function customEndpoint(
  configuration: AwsConfiguration,
  service: AwsService,
): CustomEndpoint | undefined {
  const { env, profile, settings, services } = configuration
  if (isSet(configuration, 'ignore_configured_endpoint_urls')) return undefined
  const variable = `AWS_ENDPOINT_URL_${service.toUpperCase()}`
  const inFile = (name: string) => `${name} of the AWS profile ${profile}`
  const candidates = [
    [env[variable], variable],
    [env.AWS_ENDPOINT_URL, 'AWS_ENDPOINT_URL'],
    [services[`${service}.endpoint_url`], inFile(`${service} endpoint_url`)],
    [settings.endpoint_url, inFile('endpoint_url')],
  ] as const
  for (const [url, source] of candidates) if (url) return { url, source }
  return undefined
}

/** The settings that select the FIPS or dual-stack endpoints of AWS. */
const ENDPOINT_FLAGS = ['use_fips_endpoint', 'use_dualstack_endpoint'] as const

/** The settings that are true or false. */
export type Flag = 'ignore_configured_endpoint_urls' | (typeof ENDPOINT_FLAGS)[number]

/**
 * PURE: true if `flag` is on. The provider decides, or else the environment, or else the profile.
 * The SDK ignores a value that it doesn't know, such as `True`.
 * @throws KeymgmtError FIELD_INVALID for a value that is neither true nor false.
 */
export function isSet(configuration: AwsConfiguration, flag: Flag): boolean {
  const { value, source } = flagOf(configuration, flag)
  if (/^(true|false)?$/i.test(value)) return value.toLowerCase() === 'true'
  throw new KeymgmtError('FIELD_INVALID', `${source} is neither true nor false`, {
    hints: [`set ${source} to true or false, or unset it`],
  })
}

/**
 * PURE: returns the value of `flag`, empty if it is not set, and the name of the setting that
 * defines it. In the `credentials` of a provider, its name lacks `_endpoint`; in the environment,
 * it is in capitals after AWS_.
 */
function flagOf({ stored, env, profile, settings }: AwsConfiguration, flag: Flag) {
  const field = flag.replace(/_endpoint$/, '')
  const variable = `AWS_${flag.toUpperCase()}`
  if (stored[field]) return { value: stored[field], source: `credentials=${field}` }
  if (env[variable]) return { value: env[variable], source: variable }
  return { value: settings[flag] ?? '', source: `${flag} of the AWS profile ${profile}` }
}

/**
 * Returns the custom endpoint of an SDK client; an empty object for an endpoint of AWS.
 * @throws KeymgmtError KMS_ENDPOINT_REFUSED if somebody else could impersonate the endpoint, or if
 * another setting selects a FIPS or dual-stack endpoint.
 */
export function endpointConfig(
  configuration: AwsConfiguration,
  service: AwsService,
  custom = customEndpoint(configuration, service),
): { readonly endpoint?: string } {
  if (!custom) return {}
  const { url, source } = custom
  assertEndpoint(url, source)
  const flag = ENDPOINT_FLAGS.find((each) => isSet(configuration, each))
  if (flag === undefined) return { endpoint: url }
  const { source: asked } = flagOf(configuration, flag)
  throw new KeymgmtError(
    'KMS_ENDPOINT_REFUSED',
    `${asked} selects an endpoint of AWS, but ${source} selects ${new URL(url).origin}`,
    {
      hints: [
        `set ${asked} to false, or remove ${source}`,
        'a custom endpoint can be the URL of a FIPS endpoint, such as https://kms-fips.us-west-1.amazonaws.com',
      ],
    },
  )
}

/** PURE: true if the profile names any source of credentials, even an incomplete one. */
export function hasCredentials({ settings }: AwsConfiguration): boolean {
  return Object.keys(settings).some((name) =>
    /^(aws_|role_arn|credential_|sso_|web_identity_|login_)/.test(name),
  )
}

/**
 * PURE: true if a process supplies the profile's credentials, which are then the same in all
 * Regions.
 */
export function runsProcess({ settings }: AwsConfiguration): boolean {
  return settings.credential_process !== undefined && settings.role_arn === undefined
}
