import type { Engine } from '../core/engine.js'
import { rotateKey } from '../core/keys.js'
import { definePath } from '../router/path.js'

/** WRITE keymgmt/key/:name/rotate */
export const keyRotate = definePath<Engine>()({
  pattern: 'keymgmt/key/:name/rotate',
  synopsis: 'Rotation of a key.',
  description: [
    'Makes a new version, imports it wherever the key is distributed, and moves the aliases to it. Older versions stay as they are.',
    'Run again after a failure, it goes on with the version that it made.',
    '    keymgmt write -f keymgmt/key/app/rotate',
  ].join('\n\n'),
  parameters: { name: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Makes a new version of the key and moves every alias to it.',
      run: async (engine, { name }) => {
        await rotateKey(engine, name)
        return undefined
      },
    },
  },
})
