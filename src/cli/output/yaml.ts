import { Document, Scalar, visit } from 'yaml'
import { envelope, type Format } from './format.js'

/** YAML that readers of either version of the language take the same way, as Vault's is. */
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
    sortMapEntries: ({ key: one }, { key: other }) => naturally(String(one), String(other)),
  })
  visit(document, {
    Scalar: (_key, scalar) => {
      if (isAmbiguous(document, scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE
    },
  })
  return document.toString({ indentSeq: false, singleQuote: true, blockQuote: 'literal' }).trimEnd()
}

/**
 * True for text that YAML would read as another type: it gets double quotes, and text of a
 * special form single ones.
 */
function isAmbiguous({ schema }: Document, value: unknown): boolean {
  return (
    typeof value === 'string' && schema.tags.some((tag) => 'test' in tag && tag.test.test(value))
  )
}

function naturally(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true })
}
