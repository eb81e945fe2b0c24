import { normalise } from './normalise.js'
import { record } from './record.js'
import { THEMES, toSvg } from './svg.js'

/** The commands in the picture of README.md. */
const LINES = [
  'keymgmt write -f keymgmt/key/app type=aes256-gcm96',
  'keymgmt write keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt',
  'keymgmt write -f keymgmt/key/app/rotate',
  'keymgmt read keymgmt/kms/example-kms/key/app',
  'keymgmt read keymgmt/kms/example-kms/key/app/verify challenge=true',
]

const PROVIDER = 'keymgmt write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1'

/** Draws the pictures of README.md. Returns the SVG text by the name of the file. */
export async function drawPictures(): Promise<ReadonlyMap<string, string>> {
  const recorded = await record(LINES, [PROVIDER])
  return new Map(
    Object.entries(THEMES).map(([name, theme]) => [
      `docs/images/session-${name}.svg`,
      normalise(toSvg(recorded, theme)),
    ]),
  )
}
