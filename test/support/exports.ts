import ts from 'typescript'

/** The exported names of a module, and the types that its users can't name. */
export interface ModuleExports {
  readonly values: readonly string[]
  readonly types: readonly string[]
  /** The types of this project that an exported declaration mentions and the module lacks. */
  readonly missing: readonly string[]
  /** The exports, and the members of exported interfaces, that have no TSDoc. */
  readonly undocumented: readonly string[]
}

/**
 * Reads the declarations that the compiler emitted for a module, as a user's compiler does. Members
 * of the `opaque` types are not checked: users only pass such a value on.
 */
export function exportsOf(declarations: string, opaque: readonly string[]): ModuleExports {
  const program = programOf(declarations)
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(declarations)
  const module = source && checker.getSymbolAtLocation(source)
  if (!module) throw new Error(`${declarations} is not a module; run: npm run build`)
  const target = (symbol: ts.Symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const exported = new Map(
    checker.getExportsOfModule(module).map((symbol) => [target(symbol), symbol.name]),
  )
  const missing = new Set<string>()
  const visited = new Set<ts.Symbol>()
  const visitSymbol = (symbol: ts.Symbol) => {
    if (visited.has(symbol)) return
    visited.add(symbol)
    if (!opaque.includes(symbol.name)) symbol.declarations?.forEach(visitNode)
  }
  const visitNode = (node: ts.Node): void => {
    const name = nameOfReference(node)
    const found = name && checker.getSymbolAtLocation(name)
    if (found) {
      const symbol = target(found)
      if (isOurs(symbol)) {
        if (!exported.has(symbol)) missing.add(symbol.name)
        visitSymbol(symbol)
      }
    }
    ts.forEachChild(node, visitNode)
  }
  for (const symbol of exported.keys()) visitSymbol(symbol)
  const named = (flag: ts.SymbolFlags, is: boolean) =>
    [...exported]
      .filter(([symbol]) => Boolean(symbol.flags & flag) === is)
      .map(([, name]) => name)
      .sort()
  return {
    values: named(ts.SymbolFlags.Value, true),
    types: named(ts.SymbolFlags.Value, false),
    missing: [...missing].sort(),
    undocumented: [...exported].flatMap(([symbol]) => undocumentedIn(symbol, checker)).sort(),
  }
}

/**
 * The errors of a user's compiler about the declarations of one module, without errors about other
 * modules.
 */
export function errorsIn(declarations: string): readonly string[] {
  const program = programOf(declarations, { skipLibCheck: false, strict: true })
  return program
    .getSemanticDiagnostics(program.getSourceFile(declarations))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

function programOf(declarations: string, options: ts.CompilerOptions = { skipLibCheck: true }) {
  return ts.createProgram([declarations], {
    module: ts.ModuleKind.NodeNext,
    types: ['node'],
    ...options,
  })
}

/** The names of a symbol and of the members of an interface that have no TSDoc. */
function undocumentedIn(symbol: ts.Symbol, checker: ts.TypeChecker): readonly string[] {
  const isDocumented = (each: ts.Symbol) => each.getDocumentationComment(checker).length > 0
  const members = (symbol.declarations ?? [])
    .filter((declaration) => ts.isInterfaceDeclaration(declaration))
    .flatMap((declaration) =>
      declaration.members.flatMap((member) => {
        const found = member.name && checker.getSymbolAtLocation(member.name)
        return found && !isDocumented(found) ? [`${symbol.name}.${found.name}`] : []
      }),
    )
  return [...(isDocumented(symbol) ? [] : [symbol.name]), ...members]
}

function nameOfReference(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName
  if (ts.isExpressionWithTypeArguments(node)) return node.expression
  if (ts.isImportTypeNode(node)) return node.qualifier
  return undefined
}

/** Type parameters need no export. */
function isOurs({ flags, declarations = [] }: ts.Symbol): boolean {
  return (
    !(flags & ts.SymbolFlags.TypeParameter) &&
    declarations.some(
      (declaration) => !declaration.getSourceFile().fileName.includes('node_modules'),
    )
  )
}
