import { expect, test } from '@jest/globals'
import { mountHelp, pathHelp, pathsMarkdown } from '../../../src/router/help.js'
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

test('the help of a path without parameters has an empty line more', () => {
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
  expect(help.endsWith('\n\n    ^kms/(?P<name>\\w(([\\w-.]+)?\\w)?)/key/(?P<key>\\w(([\\w-.]+)?\\w)?)$\n        One key at one provider')).toBe(true)
  expect(help.match(/^ {4}\^/gm)).toHaveLength(samplePaths.length)
})

test('the reference has a section and a table for each path', () => {
  const markdown = pathsMarkdown(samplePaths)
  expect(markdown.match(/^## `.*`$/gm)).toHaveLength(samplePaths.length)
  expect(markdown).toContain('| `purpose` | slice | yes | What it is for<br>One of: encrypt, decrypt, sign |')
  expect(markdown).toContain('* `write`: create or update the key')
})
