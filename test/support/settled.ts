/** What is different each time, by what stands for it. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>'],
  [/mrk-[0-9a-f]{32}/g, '<mrk-id>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<date>'],
  [/(app|web|gcm96)-\d{10}/g, '$1-<time>'],
]

/** What was printed, with names in place of what is different each time. */
export function settled(text: string): string {
  return CHANGING.reduce((seen, [pattern, name]) => seen.replace(pattern, name), text)
}
