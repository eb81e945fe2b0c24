/** Ids of KMS keys from AWS's documentation, in the order in which they are used. */
const IDS = ['1234abcd-12ab-34cd-56ef-1234567890ab', '0987dcba-09fe-87dc-65ba-ab0987654321']

/**
 * Replaces the parts that differ between two runs with fixed examples of the same length: ids of
 * KMS keys, times, and the time in the name of a distribution. Deletion dates come after the
 * distribution.
 */
export function normalise(text: string): string {
  const seen: string[] = []
  return text
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, (id) => {
      if (!seen.includes(id)) seen.push(id)
      return IDS[seen.indexOf(id)] ?? id
    })
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, (time) =>
      Date.parse(time) > Date.now() ? '2026-12-02T09:30:00.000Z' : '2026-11-02T09:30:00.000Z',
    )
    .replace(/\bapp-\d{10}\b/g, 'app-1793611800')
}
