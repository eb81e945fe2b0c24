/** Returns PATH as Vault shows it, without surrounding white space and slashes. */
export function sanitizePath(text: string): string {
  return text.trim().replace(/^\/+/, '').trim().replace(/\/+$/, '')
}
