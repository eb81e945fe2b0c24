/** The intent of a command that may take something away. */
export interface Intent {
  /** `all` concerns every key. */
  readonly kind:
    | 'remove'
    | 'drop'
    | 'revoke'
    | 'minimum'
    | 'trim'
    | 'activate'
    | 'repair'
    | 'renew'
    | 'restore-store'
    | 'all'
    | 'other'
  readonly provider?: string | undefined
  readonly key?: string | undefined
  readonly minimum?: number
  /** The versions below it are trimmed. */
  readonly available?: number
  /** The Region that is chosen for the primaries. */
  readonly primary?: string | undefined
  /** The Region that is dropped. */
  readonly region?: string | undefined
}

/** PURE: returns the intent of a command line. */
export function intentOf(line: string): Intent {
  const [, provider, ofProvider, ofKey] =
    /keymgmt\/(?:kms\/(\w+)\/key\/(\w+)|key\/(\w+))/.exec(line) ?? []
  const at = { provider, key: ofProvider ?? ofKey }
  const [, minimum] = /min_enabled_version=(\d+)/.exec(line) ?? []
  const [, available] = /min_available_version=(\d+)/.exec(line) ?? []
  const [, region] = /^delete .*\/replicate\/(.+)$/.exec(line) ?? []
  const [, primary] = /\/primary region=(.+)$/.exec(line) ?? []
  if (minimum !== undefined) return { kind: 'minimum', ...at, minimum: Number(minimum) }
  if (available !== undefined) return { kind: 'trim', ...at, available: Number(available) }
  if (/^delete keymgmt\/kms\/\w+\/key\/\w+$/.test(line)) return { kind: 'remove', ...at }
  if (region !== undefined) return { kind: 'drop', ...at, region }
  if (line.includes('/revoke')) return { kind: 'revoke', ...at }
  if (line.includes('/repair')) return { kind: 'repair', ...at }
  if (line.includes('/renew')) return { kind: 'renew', ...at }
  if (/^(due|expiring) /.test(line)) return { kind: 'all' }
  if (line.startsWith('operator snapshot restore')) return { kind: 'restore-store' }
  if (/\/restore| purpose=/.test(line)) return { kind: 'activate', ...at }
  return { kind: 'other', ...at, primary }
}
