import { Document, Scalar, visit, type Tags } from 'yaml'
import { envelope, type Format } from './format.js'

/** YAML in Vault's form, which parsers of YAML 1.1 and 1.2 read in the same way. */
export const yaml: Format = {
  humanReadable: false,
  secret: (response) => write(Object.fromEntries(envelope(response))),
  list: (keys) => write(keys),
  emptyList: () => '{}',
  field: (value) => `${write(value)}\n`,
}

function write(value: unknown): string {
  const document = new Document(value, {
    version: '1.1',
    // Without this, the text "<<" would not be quoted.
    customTags: (tags) => tags.filter((tag) => !isMerge(tag)),
    sortMapEntries: ({ key: one }, { key: other }) => naturally(String(one), String(other)),
  })
  visit(document, {
    Scalar: (_key, scalar) => {
      if (isAmbiguous(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE
    },
  })
  return document.toString({ indentSeq: false, singleQuote: true, blockQuote: 'literal' }).trimEnd()
}

const isMerge = (tag: Tags[number]) =>
  tag === 'merge' || (typeof tag === 'object' && tag.tag === 'tag:yaml.org,2002:merge')

/** Text that a parser of either version of YAML may read as another type. */
const AMBIGUOUS: readonly RegExp[] = [
  ...(['1.1', '1.2'] as const).flatMap((version) =>
    new Document(null, { version }).schema.tags.flatMap((tag) => ('test' in tag ? [tag.test] : [])),
  ),
  // YAML 1.1's default value, and a form of dates that only some parsers accept.
  /^=$/,
  /^\d{4}-\d\d?-\d\d?([Tt \t]|$)/,
]

/** True for text that some parser would read as another type without quotes. */
function isAmbiguous(value: unknown): boolean {
  return typeof value === 'string' && AMBIGUOUS.some((form) => form.test(value))
}

function naturally(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true })
}
