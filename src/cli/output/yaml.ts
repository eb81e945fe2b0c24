import { Document, Scalar, visit, type Tags } from 'yaml'
import { envelope, type Format } from './format.js'

/** YAML that readers of YAML 1.1 and of 1.2 take the same way. Vault's form. */
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
    // Else the text "<<" never gets quotes.
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

/** The forms of text that some reader takes as another type: those of both versions of YAML. */
const AMBIGUOUS: readonly RegExp[] = [
  ...(['1.1', '1.2'] as const).flatMap((version) =>
    new Document(null, { version }).schema.tags.flatMap((tag) => ('test' in tag ? [tag.test] : [])),
  ),
  // YAML 1.1's default value, and dates in a form that only some readers take.
  /^=$/,
  /^\d{4}-\d\d?-\d\d?([Tt \t]|$)/,
]

/** True for text that needs double quotes to stay text; text of a special form gets single ones. */
function isAmbiguous(value: unknown): boolean {
  return typeof value === 'string' && AMBIGUOUS.some((form) => form.test(value))
}

function naturally(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true })
}
