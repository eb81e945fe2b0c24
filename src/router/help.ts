import type { Field } from './fields.js'
import { OPERATIONS, type PathDefinition } from './path.js'
import { MAX_NAME_LENGTH, NAME_PATTERN } from '../names.js'
import { parameterOf, pathSegments } from './pattern.js'
import type { Json } from './values.js'

const PATHS_INTRODUCTION = `The following paths are supported by this backend. To view help for
any of the paths below, use the help command with any route matching
the path pattern. Names have at most ${MAX_NAME_LENGTH} letters, digits, "_", "-" and
".", and start and end with a letter, a digit or "_".`

/** Returns the help of one path in the layout of `vault path-help`, without a final newline. */
export function pathHelp(definition: PathDefinition<never>, requestPath: string): string {
  const [mount] = definition.pattern.split('/')
  const segments = pathSegments(requestPath)
  const request = (segments[0] === mount ? segments.slice(1) : segments).join('/')
  const fields = helpRows(definition).sort((one, other) => (one.name < other.name ? -1 : 1))
  const sections = fields.map(
    ({ name, type, description }) => `\n    ${name} (${type})\n\n${indent(8, description)}\n`,
  )
  return [
    `Request:        ${request}`,
    `Matching Route: ${routeOf(definition)}`,
    '',
    definition.synopsis || '<no synopsis>',
    '',
    sections.length === 0 ? '' : `## PARAMETERS\n${sections.join('')}`,
    '## DESCRIPTION',
    '',
    [definition.description.trim() || '<no description>', '', ...operationLines(definition)]
      .join('\n')
      .trim(),
  ].join('\n')
}

/** Returns the help of the mount in the layout of `vault path-help`, without a final newline. */
export function mountHelp(
  definitions: readonly PathDefinition<never>[],
  description: string,
): string {
  const routes = definitions
    .map((definition) => ({
      route: routeOf(definition),
      synopsis: definition.synopsis || '<no synopsis>',
    }))
    .sort((one, other) => (one.route < other.route ? -1 : 1))
    .map(({ route, synopsis }) => `${indent(4, route)}\n${indent(8, synopsis)}`)
  return ['## DESCRIPTION', description, '## PATHS', PATHS_INTRODUCTION, ...routes].join('\n\n')
}

/** Returns the help of one path as JSON. */
export function describePath(definition: PathDefinition<never>): Readonly<Record<string, Json>> {
  const { pattern, synopsis, description, operations } = definition
  return {
    path: pattern,
    synopsis,
    description,
    parameters: Object.fromEntries(
      helpRows(definition).map(({ name, type, required, description: about, choices }) => [
        name,
        {
          type,
          required: required !== 'no',
          in: required === 'in the path' ? 'path' : 'data',
          description: about,
          ...(choices && { choices }),
        },
      ]),
    ),
    operations: Object.fromEntries(
      OPERATIONS.flatMap((operation) => {
        const found = operations[operation]
        return found === undefined
          ? []
          : [[operation, { summary: found.summary, fields: Object.keys(found.fields) }]]
      }),
    ),
  }
}

/** Returns the help of the mount as JSON. */
export function describeMount(
  definitions: readonly PathDefinition<never>[],
  description: string,
): Readonly<Record<string, Json>> {
  return { description, paths: definitions.map(describePath) }
}

/** Returns the reference of all paths in Markdown, with a section for each path. */
export function pathsMarkdown(definitions: readonly PathDefinition<never>[]): string {
  return `# Paths\n\n${definitions.map(pathMarkdown).join('\n')}`
}

function pathMarkdown(definition: PathDefinition<never>): string {
  const rows = helpRows(definition).map(({ name, type, required, description }) =>
    [`\`${name}\``, type, required, description].map(cell).join(' | '),
  )
  const table = ['name | type | required | description', '--- | --- | --- | ---', ...rows].map(
    (row) => `| ${row} |`,
  )
  return [
    `## \`${definition.pattern}\``,
    definition.synopsis,
    operationLines(definition, '`').join('\n'),
    ...(rows.length === 0 ? [] : [table.join('\n')]),
    `${definition.description.trim()}\n`,
  ].join('\n\n')
}

interface HelpRow {
  readonly name: string
  readonly type: string
  readonly required: 'in the path' | 'yes' | 'no'
  readonly description: string
  readonly choices?: readonly string[]
}

function helpRows(definition: PathDefinition<never>): HelpRow[] {
  const rows = new Map<string, HelpRow>()
  for (const [name, description] of Object.entries(definition.parameters)) {
    rows.set(name, { name, type: 'string', required: 'in the path', description })
  }
  for (const operation of OPERATIONS) {
    for (const [name, field] of Object.entries(definition.operations[operation]?.fields ?? {})) {
      if (!rows.has(name)) rows.set(name, fieldRow(name, field))
    }
  }
  return [...rows.values()]
}

function fieldRow(name: string, field: Field<unknown>): HelpRow {
  const choices =
    field.choices === undefined || field.secret ? '' : `\nOne of: ${field.choices.join(', ')}`
  return {
    name,
    type: field.type,
    required: field.required ? 'yes' : 'no',
    description: `${field.description || '<no description>'}${choices}`,
    ...(field.choices && { choices: field.choices }),
  }
}

function operationLines(definition: PathDefinition<never>, quote = ''): readonly string[] {
  return OPERATIONS.flatMap((operation) => {
    const summary = definition.operations[operation]?.summary
    return summary === undefined ? [] : [`* ${quote}${operation}${quote}: ${summary}`]
  })
}

function routeOf(definition: PathDefinition<never>): string {
  const segments = definition.pattern.split('/').slice(1)
  const route = segments.map((segment) => {
    const parameter = parameterOf(segment)
    return parameter === undefined ? segment : `(?P<${parameter}>${NAME_PATTERN})`
  })
  return `^${route.join('/')}$`
}

function cell(content: string): string {
  return content
    .trim()
    .replaceAll('|', '\\|')
    .replace(/\s*\n\s*/g, '<br>')
}

function indent(width: number, content: string): string {
  return content.replace(/^(?=.)/gm, ' '.repeat(width))
}
