import type { Json } from '../../router/values.js'
import type { Terminal } from '../terminal.js'
import { loadFormat, type FormatName } from './index.js'

/**
 * Prints only the document, because the output usually becomes a file: as JSON, or as YAML (without
 * anchors) with -format=yaml.
 */
export async function printDocument(
  { out }: Pick<Terminal, 'out'>,
  document: object,
  format: FormatName,
): Promise<void> {
  if (format !== 'yaml') out(`${JSON.stringify(document, null, 2)}\n`)
  else
    out(
      (await loadFormat(format)).field(JSON.parse(JSON.stringify(document)) as Json, {
        escapeControls: false,
      }),
    )
}
