import { describe, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { drawPictures } from '../../demo/session/pictures.js'
import { consoleCommands, renewConsoles } from '../../demo/session/readme.js'

// Both record real sessions. If a test fails after a change of the output, run `npm run docs`.

/** The pseudo-terminal comes from `script`, whose flags differ between systems. */
const onLinux = process.platform === 'linux' ? it : it.skip
const README = readFileSync('README.md', 'utf8')

describe('README.md', () => {
  onLinux('shows the real output of its commands', async () => {
    expect(consoleCommands(README).length).toBeGreaterThanOrEqual(8)
    expect(await renewConsoles(README)).toBe(README)
  })

  onLinux('shows pictures of a real session', async () => {
    for (const [file, svg] of await drawPictures()) {
      expect(README).toContain(file)
      expect(readFileSync(file, 'utf8')).toBe(svg)
    }
  })
})
