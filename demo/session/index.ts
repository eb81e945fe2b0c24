import { readFileSync, writeFileSync } from 'node:fs'
import { drawPictures } from './pictures.js'
import { renewConsoles } from './readme.js'

// `npm run docs` writes the pictures and the output in README.md.

writeFileSync('README.md', await renewConsoles(readFileSync('README.md', 'utf8')))
for (const [file, svg] of await drawPictures()) writeFileSync(file, svg)
