/** A shorter value is unlikely to be a secret, and masking it would garble other words. */
const MIN_SECRET = 6

/**
 * Only the latest values are kept: sessions receive new credentials, and memory must stay bounded.
 */
const MAX_SECRETS = 64

/** An error quotes a sentence, not the whole page that a proxy sent. */
const MAX_TEXT = 4_000

const MASK = '[secret]'

/**
 * Recognises secrets by their form, because a service may repeat one that keymgmt does not know.
 */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [
    /((?:x-amz-security-token|secret_?access_?key|session_?token)["']?\s*[:=]\s*["']?)[^\s"'&,;]+/gi,
    `$1${MASK}`,
  ],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, MASK],
]

const secrets = new Set<string>()

/** Makes {@link redact} mask these values from now on. */
export function registerSecrets(...values: readonly (string | undefined)[]): void {
  for (const value of values) {
    if (value === undefined || value.length < MIN_SECRET) continue
    // A value that is registered again counts as the latest.
    secrets.delete(value)
    secrets.add(value)
  }
  for (const oldest of secrets) {
    if (secrets.size <= MAX_SECRETS) break
    secrets.delete(oldest)
  }
}

/** Masks registered secrets in `text`, plain or encoded, and anything that looks like a secret. */
export function redact(text: string): string {
  const spelled = [...secrets].flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
  ])
  // A secret that contains another one is masked first.
  const known = spelled
    .sort((one, other) => other.length - one.length)
    .reduce((rest, secret) => rest.replaceAll(secret, MASK), text)
  return FORMS.reduce((rest, [form, mask]) => rest.replace(form, mask), known)
}

/** Cuts `text` to `limit` characters, and appends the number of characters that were cut. */
export function shorten(text: string, limit: number): string {
  const characters = Array.from(text)
  if (characters.length <= limit) return text
  return `${characters.slice(0, limit).join('')}… (${characters.length - limit} more characters)`
}

/** Makes text of a service safe for an error: redacted, on one line, and of bounded length. */
export function errorText(text: string): string {
  return shorten(redact(text).replace(CONTROLS, escapeControl), MAX_TEXT)
}

/** Characters that a terminal acts on: controls, and marks that change the direction of text. */
const CONTROLS = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escapeControl(character: string): string {
  const code = character.charCodeAt(0)
  return (
    NAMED[character] ??
    (code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`)
  )
}
