/** Texts that differ in every run, and their placeholders. */
const PLACEHOLDERS: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>'],
  [/mrk-[0-9a-f]{32}/g, '<mrk-id>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<date>'],
  [/http:\/\/127\.0\.0\.1:\d+/g, '<endpoint>'],
  [/(app|web|gcm96)-\d{10}/g, '$1-<time>'],
]

/** Replaces the parts of an output that differ in every run by placeholders. */
export function normalise(text: string): string {
  return PLACEHOLDERS.reduce(
    (result, [pattern, placeholder]) => result.replace(pattern, placeholder),
    text,
  )
}
