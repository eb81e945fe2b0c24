import { readFileSync } from 'node:fs'
import type { Operation } from '../../../src/router/path.js'
import type { FieldShape, FieldShapes, PathShape, Surface } from './surface.js'

interface ValueSchema {
  readonly type: string
  readonly format?: string
  readonly items?: { readonly type: string }
  readonly enum?: readonly string[]
  readonly default?: string
}

interface Parameter {
  readonly name: string
  readonly required?: boolean
  readonly schema: ValueSchema
}

interface JsonBody {
  readonly schema: { readonly $ref: string }
}

interface Method {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: { readonly 'application/json': JsonBody } }
}

/** A path: its parameters and methods, a description, and Vault's own remarks. */
type PathSchema = Readonly<Record<string, unknown>> & { readonly parameters: readonly Parameter[] }

type Schemas = Readonly<
  Record<
    string,
    {
      readonly properties: Readonly<Record<string, ValueSchema>>
      readonly required?: readonly string[]
    }
  >
>

/** The part of Vault's OpenAPI document that describes the paths of its key-management engine. */
export interface VaultSchema {
  /** Its origin and licence. */
  readonly source: string
  readonly paths: Readonly<Record<string, PathSchema>>
  readonly schemas: Schemas
}

/** The schema of Vault 2.1.0. */
export function readVaultSchema(): VaultSchema {
  const file = 'test/vectors/vault-2.1.0-keymgmt-openapi.json'
  return JSON.parse(readFileSync(file, 'utf8')) as VaultSchema
}

/** The parameters that name the mount: those with a default. */
export function mountParameters({ paths }: VaultSchema): string[] {
  const names = Object.values(paths).flatMap(({ parameters }) =>
    parameters.filter(({ schema }) => schema.default !== undefined).map(({ name }) => name),
  )
  return [...new Set(names)]
}

/**
 * The paths of Vault, mounted where Vault mounts them by default.
 * @throws Error for a method or a type that keymgmt does not have.
 */
export function vaultSurface({ paths, schemas }: VaultSchema): Surface {
  return Object.fromEntries(
    Object.entries(paths).map(([path, schema]) => {
      const mounts = new Map(schema.parameters.map((of) => [of.name, of.schema.default]))
      const pattern = path
        .replace(/^\/|\/$/g, '')
        .replace(/\{(\w+)\}/g, (_, name: string) => mounts.get(name) ?? '*')
      return [pattern, pathShape(path, schema, schemas)]
    }),
  )
}

function pathShape(
  path: string,
  { parameters, ...members }: PathSchema,
  schemas: Schemas,
): PathShape {
  const named = parameters.filter(({ schema }) => schema.default === undefined)
  const place = ({ name }: Parameter) => path.indexOf(`{${name}}`)
  return {
    parameters: named.sort((one, other) => place(one) - place(other)).map(({ name }) => name),
    operations: Object.fromEntries(
      Object.entries(members)
        .filter(([name]) => name !== 'description' && !name.startsWith('x-vault-'))
        .map(([name, method]) => operationShape(name, method as Method, schemas)),
    ),
  }
}

/** Returns the names of the schemas that do not describe a request. */
export function responseSchemas({ paths, schemas }: VaultSchema): string[] {
  const methods = Object.values(paths).flatMap((path) => Object.values(path) as Method[])
  const requests = new Set(methods.map(bodyOf))
  return Object.keys(schemas).filter((name) => !requests.has(name))
}

/** The name of the schema of a request's body. */
function bodyOf({ requestBody }: Method): string | undefined {
  return requestBody?.content['application/json'].schema.$ref.split('/').at(-1)
}

const OPERATION_OF: Readonly<Record<string, Operation>> = {
  get: 'read',
  post: 'write',
  delete: 'delete',
}

function operationShape(
  name: string,
  method: Method,
  schemas: Schemas,
): readonly [Operation, FieldShapes] {
  const operation = OPERATION_OF[name]
  if (operation === undefined) throw new Error(`no operation for the method ${name}`)
  const { parameters = [] } = method
  const { properties = {}, required = [] } = schemas[bodyOf(method) ?? ''] ?? {}
  const fields = [
    ...parameters.filter((of) => of.name !== 'list'),
    ...Object.entries(properties).map(([name, schema]) => ({
      name,
      schema,
      required: required.includes(name),
    })),
  ]
  return [
    parameters.some((of) => of.name === 'list') ? 'list' : operation,
    Object.fromEntries(fields.map((field) => [field.name, fieldShape(field)])),
  ]
}

/** The type of a value in OpenAPI, and in keymgmt. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'int',
  boolean: 'bool',
  'array of string': 'slice',
  'object as kvpairs': 'keypair',
}

function fieldShape({ name, schema, required = false }: Parameter): FieldShape {
  const { type, format, items, enum: choices = [] } = schema
  const written = `${type}${items ? ` of ${items.type}` : ''}${format ? ` as ${format}` : ''}`
  const ours = TYPES[written]
  if (ours === undefined) throw new Error(`no type for ${written}, the type of ${name}`)
  return { type: required ? `${ours}, required` : ours, choices }
}

/** The defaults of the fields of every request, by the name of the field. */
export function fieldDefaults({ schemas }: VaultSchema): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.values(schemas).flatMap(({ properties }) =>
      Object.entries(properties).flatMap(([name, of]) =>
        of.default === undefined ? [] : [[name, of.default] as const],
      ),
    ),
  )
}
