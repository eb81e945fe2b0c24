import { statSync } from 'node:fs'
import { KeymgmtError, type ErrorCode } from '../../errors.js'
import { isFileName } from '../../router/quote.js'

/** The errors that a mistyped argument can cause. */
const CAUSED_BY_ARGUMENTS: ReadonlySet<ErrorCode> = new Set([
  'USAGE',
  'COMMAND_UNKNOWN',
  'PATH_UNSUPPORTED',
  'FIELD_UNKNOWN',
  'FIELD_MISSING',
  'FIELD_INVALID',
])

/** The dashes with which word processors and chat programs replace "-". */
const TYPOGRAPHIC_DASH = /^[\u2010-\u2015\u2212]/

const TYPOGRAPHIC_QUOTE = /[\u2018-\u201f\u00ab\u00bb]/

/** AWS's notation for the content of a file. */
const FILE_URL = /^fileb?:\/\//

/** The extensions of files that contain keys or JSON. */
const KEY_FILE = /^[\w./-]+\.(b64|bin|der|hex|jks|json|jwk|key|p12|p8|pem|pfx|pk8|ppk|txt)$/i

/**
 * Returns `error` with hints about common mistakes in the arguments that may have caused it. A hint
 * repeats no part of an argument except field names and file names.
 */
export function withArgumentHints(
  error: unknown,
  args: readonly string[],
  isFile: (name: string) => boolean = isRegularFile,
): unknown {
  if (!(error instanceof KeymgmtError) || !CAUSED_BY_ARGUMENTS.has(error.code)) return error
  const hints = [...new Set(args.flatMap((arg) => hintsOn(arg, isFile)))]
  const [material = ''] = args.flatMap((arg) => /^material=@(.+)$/.exec(arg)?.[1] ?? [])
  const named = material !== '' && isFileName(material) ? withFileName(error, material) : error
  return hints.length === 0 ? named : named.withHints(hints)
}

/** Inserts the name of the material's file into the commands of the error's hints. */
function withFileName(error: KeymgmtError, file: string): KeymgmtError {
  const hints = error.hints.map((hint) => hint.replace(/(?<![\w@-])FILE\b/g, file))
  return new KeymgmtError(error.code, error.message, { hints, cause: error })
}

function hintsOn(arg: string, isFile: (name: string) => boolean): readonly string[] {
  const [, name, value = ''] = /^([\w.]+)=([^]*)$/.exec(arg) ?? []
  const file = value.replace(FILE_URL, '')
  const isMeant =
    file !== value || KEY_FILE.test(value) || (/^[^@].*[./]/.test(value) && isFile(value))
  return [
    ...(TYPOGRAPHIC_DASH.test(arg)
      ? ['an argument begins with a typographic dash: type - in its place']
      : []),
    ...(TYPOGRAPHIC_QUOTE.test(arg)
      ? ['an argument contains typographic quotes: type straight ones']
      : []),
    ...(name !== undefined && isMeant
      ? [`to read ${name} from a file, write ${name}=@${isFileName(file) ? file : 'FILE'}`]
      : []),
  ]
}

function isRegularFile(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isFile() ?? false
}
