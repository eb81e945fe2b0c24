import { COLUMNS, type Recorded } from './record.js'

/** Colours of a picture. */
export interface Theme {
  readonly background: string
  readonly border: string
  readonly text: string
  readonly prompt: string
  readonly red: string
  readonly yellow: string
}

/** Colours of GitHub's pages, so that a picture fits into README.md. */
export const THEMES = {
  light: {
    background: '#f6f8fa',
    border: '#d1d9e0',
    text: '#1f2328',
    prompt: '#1a7f37',
    red: '#cf222e',
    yellow: '#7d4e00',
  },
  dark: {
    background: '#151b23',
    border: '#3d444d',
    text: '#f0f6fc',
    prompt: '#3fb950',
    red: '#ff7b72',
    yellow: '#d29922',
  },
} as const satisfies Readonly<Record<string, Theme>>

const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
const CHARACTER = 8.4
const LINE = 20
const MARGIN = 16

/** Text of one colour. */
interface Span {
  readonly text: string
  readonly colour: string
  readonly bold?: boolean
}

/** Draws a session as an SVG image. */
export function toSvg(session: readonly Recorded[], theme: Theme): string {
  const lines = session.flatMap(({ line, output }, index) => [
    ...(index > 0 ? [[]] : []),
    [
      { text: '$ ', colour: theme.prompt, bold: true },
      { text: line, colour: theme.text, bold: true },
    ],
    ...output.map((text) => spansOf(text, theme)),
  ])
  const width = Math.ceil(COLUMNS * CHARACTER) + 2 * MARGIN
  const height = lines.length * LINE + 2 * MARGIN
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>A terminal session with keymgmt</title>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="${theme.background}" stroke="${theme.border}"/>`,
    `<g font-family="${FONT}" font-size="14" xml:space="preserve">`,
    ...lines.flatMap((spans, row) => drawLine(spans, MARGIN + row * LINE + 15)),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** Splits a line at its escape sequences. keymgmt uses two colours, red and yellow. */
function spansOf(line: string, theme: Theme): readonly Span[] {
  const colours: Readonly<Record<string, string>> = { 91: theme.red, 93: theme.yellow }
  let colour: string = theme.text
  return line.split(/\u001b\[(\d*)m/).flatMap((part, index) => {
    if (index % 2 === 0) return part === '' ? [] : [{ text: part, colour }]
    colour = colours[part] ?? theme.text
    return []
  })
}

/** Places each span by its column: a browser's font may have another width than ours. */
function drawLine(spans: readonly Span[], y: number): readonly string[] {
  let column = 0
  return spans.map(({ text, colour, bold = false }) => {
    const x = round(MARGIN + column * CHARACTER)
    column += text.length
    const weight = bold ? ' font-weight="bold"' : ''
    return `<text x="${x}" y="${y}" textLength="${round(text.length * CHARACTER)}" lengthAdjust="spacingAndGlyphs" fill="${colour}"${weight}>${escape(text)}</text>`
  })
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
