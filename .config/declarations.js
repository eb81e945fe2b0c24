// Collects the declarations of the published library in one file: what its exports refer to,
// directly or indirectly, and nothing else.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'

/** The declarations of a file, where its other names come from, and the names that it exports. */
function readModule(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const module = { declared: new Map(), origins: new Map(), exported: [] }
  for (const statement of source.statements) {
    const from = statement.moduleSpecifier?.text
    if (from !== undefined) {
      const named = statement.importClause?.namedBindings ?? statement.exportClause
      for (const { name, propertyName = name } of named?.elements ?? []) {
        module.origins.set(name.text, { from, name: propertyName.text })
        if (ts.isExportDeclaration(statement)) module.exported.push(name.text)
      }
    } else {
      const declarations = statement.declarationList?.declarations ?? [statement]
      for (const { name } of declarations) if (name) module.declared.set(name.text, statement)
    }
  }
  return module
}

/**
 * The text of one file that declares everything that `entry`, a file of declarations, exports.
 * Fails if two of its declarations have the same name, or if one needs a package.
 */
export function bundleDeclarations(entry) {
  const modules = new Map()
  const collected = new Map()
  const moduleOf = (file) => {
    if (!modules.has(file)) modules.set(file, readModule(file))
    return modules.get(file)
  }
  const collect = (file, name) => {
    const { declared, origins } = moduleOf(file)
    const origin = origins.get(name)
    if (origin !== undefined) {
      if (!origin.from.startsWith('.')) throw new Error(`${file}: ${name} is from ${origin.from}`)
      collect(join(dirname(file), origin.from.replace(/\.js$/, '.d.ts')), origin.name)
      return
    }
    const statement = declared.get(name)
    if (statement === undefined || collected.get(name) === statement) return
    if (collected.has(name)) throw new Error(`two declarations have the name ${name}`)
    collected.set(name, statement)
    const visit = (node) => {
      if (ts.isImportTypeNode(node)) throw new Error(`${file}: import the type ${node.getText()}`)
      if (ts.isIdentifier(node)) collect(file, node.text)
      ts.forEachChild(node, visit)
    }
    visit(statement)
  }
  const { exported } = moduleOf(entry)
  for (const name of exported) collect(entry, name)
  const texts = new Set(
    [...collected.values()].map((statement) =>
      statement
        .getFullText()
        .trim()
        .replace(/^(\/\*\*[^]*?\*\/\s*)?export /, '$1'),
    ),
  )
  return `${[...texts].join('\n')}\nexport { ${exported.join(', ')} }\n`
}
