import { expect, test } from '@jest/globals'
import {
  describeMount,
  describePath,
  mountHelp,
  pathHelp,
  pathsMarkdown,
} from '../../../src/router/help.js'
import { text } from '../../../src/router/fields.js'
import { definePath } from '../../../src/router/path.js'
import { findPath } from '../../../src/router/router.js'
import { samplePaths } from './sample.js'

const helpOf = (path: string) => pathHelp(findPath(samplePaths, path).path, path)

test('the help of a path has the layout of Vault', () => {
  expect(helpOf('keymgmt/key/k1')).toBe(`Request:        key/k1
Matching Route: ^key/(?P<name>\\w(([\\w-.]+)?\\w)?)$

One key

## PARAMETERS

    deletion_allowed (bool)

        Whether it can be deleted

    detail (bool)

        Whether to show more

    min_enabled_version (int)

        Oldest version enabled

    name (string)

        Name of the key

    type (string)

        Type of the key
        One of: aes256-gcm96, rsa-2048

## DESCRIPTION

A key and its versions.

    $ keymgmt write keymgmt/key/app type=rsa-2048

* write: create or update the key
* read: read the key`)
})

test('the help of a path without parameters has an additional empty line', () => {
  expect(helpOf('keymgmt/key')).toBe(`Request:        key
Matching Route: ^key$

All keys


## DESCRIPTION

<no description>

* list: list the keys`)
})

test('the help of the mount lists the routes', () => {
  const help = mountHelp(samplePaths, 'Keys.')
  expect(help.startsWith('## DESCRIPTION\n\nKeys.\n\n## PATHS\n\nThe following paths')).toBe(true)
  expect(
    help.endsWith(
      '\n\n    ^kms/(?P<name>\\w(([\\w-.]+)?\\w)?)/key/(?P<key>\\w(([\\w-.]+)?\\w)?)$\n        One key at one provider',
    ),
  ).toBe(true)
  expect(help.match(/^ {4}\^/gm)).toHaveLength(samplePaths.length)
})

test('the reference has a section and a table for each path', () => {
  const markdown = pathsMarkdown(samplePaths)
  expect(markdown.match(/^## `.*`$/gm)).toHaveLength(samplePaths.length)
  expect(markdown).toContain(
    '| `purpose` | slice | yes | What it is for<br>One of: encrypt, decrypt, sign |',
  )
  expect(markdown).toContain('* `write`: create or update the key')
})

test('the JSON help of a path and of the mount has the same content', () => {
  const distribution = describePath(findPath(samplePaths, 'keymgmt/kms/k/key/app').path)
  expect(distribution).toEqual({
    path: 'keymgmt/kms/:name/key/:key',
    synopsis: 'One key at one provider',
    description: 'A distribution.',
    parameters: {
      name: { type: 'string', required: true, in: 'path', description: 'Name of the provider' },
      key: { type: 'string', required: true, in: 'path', description: 'Name of the key' },
      purpose: {
        type: 'slice',
        required: true,
        in: 'data',
        description: 'What it is for\nOne of: encrypt, decrypt, sign',
        choices: ['encrypt', 'decrypt', 'sign'],
      },
      protection: {
        type: 'string',
        required: false,
        in: 'data',
        description: 'Where it is kept\nOne of: hsm',
        choices: ['hsm'],
      },
    },
    operations: { write: { summary: 'distribute the key', fields: ['purpose', 'protection'] } },
  })
  expect(describePath(findPath(samplePaths, 'keymgmt/key/app').path).parameters).toMatchObject({
    deletion_allowed: {
      type: 'bool',
      required: false,
      in: 'data',
      description: 'Whether it can be deleted',
    },
  })
  expect(describeMount(samplePaths, 'Keys.')).toEqual({
    description: 'Keys.',
    paths: samplePaths.map((path) => describePath(path)),
  })
})

test('a section of the reference is complete, and escapes characters that would break its table', () => {
  const [keys, , , distribution] = samplePaths
  expect(pathsMarkdown([keys, distribution].flatMap((path) => path ?? []))).toBe(`# Paths

## \`keymgmt/key\`

All keys

* \`list\`: list the keys



## \`keymgmt/kms/:name/key/:key\`

One key at one provider

* \`write\`: distribute the key

| name | type | required | description |
| --- | --- | --- | --- |
| \`name\` | string | in the path | Name of the provider |
| \`key\` | string | in the path | Name of the key |
| \`purpose\` | slice | yes | What it is for<br>One of: encrypt, decrypt, sign |
| \`protection\` | string | no | Where it is kept<br>One of: hsm |

A distribution.
`)
  const odd = definePath<undefined>()({
    pattern: 'm/odd',
    synopsis: '',
    description: '  said  ',
    parameters: { name: ' a|b\n  c ' },
    operations: {
      read: { summary: 's', fields: { blank: text('') }, run: () => Promise.resolve(undefined) },
    },
  })
  expect(pathsMarkdown([odd])).toContain(
    '| `name` | string | in the path | a\\|b<br>c |\n| `blank` | string | no | <no description> |\n\nsaid\n',
  )
  expect(pathHelp(odd, 'm/odd')).toMatch(
    /^Request: {8}odd\nMatching Route: \^odd\$\n\n<no synopsis>\n\n## PARAMETERS\n\n {4}blank \(string\)\n\n {8}<no description>\n/,
  )
})
