/**
 * PURE: true if two key policies have the same statements. AWS may return a policy in another form
 * than it was set: the format of the JSON, the order of names and of lists, a list of one in place
 * of its element, and an account id in place of the ARN of its root make no difference.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
export function isSamePolicy(one: string, other: string): boolean {
  const canonical = canonicalText(one)
  return canonical !== undefined && canonical === canonicalText(other)
}

/** Returns one text for all forms of a policy; undefined if it is not JSON. */
function canonicalText(document: string): string | undefined {
  try {
    return JSON.stringify(canonical(JSON.parse(document)))
  } catch {
    return undefined
  }
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) {
    const texts = [...new Set(value.map((each) => JSON.stringify(canonical(each))))].sort()
    const elements = texts.map((each): unknown => JSON.parse(each))
    return elements.length === 1 ? elements[0] : elements
  }
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, each]) => [name, canonical(each)])
  // A policy may have `true` or 5 where AWS returns text.
  return String(value).replace(ROOT, '$1')
}

/** The ARN of the root of an account. */
const ROOT = /^arn:aws[a-z-]*:iam::(\d{12}):root$/
