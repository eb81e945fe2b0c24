/** PATH as Vault shows it: without surrounding white space, and without slashes at either end. */
export function sanitizePath(text: string): string {
  return text.trim().replace(/^\/+/, '').trim().replace(/\/+$/, '')
}
