/** Overwrites every buffer with zeros. Copies that the runtime made are out of reach. */
export function wipe(...buffers: readonly Uint8Array[]): void {
  for (const buffer of buffers) buffer.fill(0)
}
