/**
 * A plugin of typedoc. An option that is a row of a schema (ts/schema.ts) is described by its row: what help says of it
 * on the command line, and its default. A comment beside the row comes after that.
 */
import { Comment, Converter, ReflectionKind } from 'typedoc'
import ts from 'typescript'

/** The last value that a call's literals give `name`, spread ones included. */
function settingOf(node, name) {
  let found
  for (const property of node.properties ?? [])
    if (ts.isSpreadAssignment(property)) found = settingOf(property.expression, name) ?? found
    else if (property.name?.getText() === name) found = property.initializer
  return found
}

/** What stands in the source for a row: names are followed to where they are made. */
function rowOf(node, checker) {
  if (node === undefined || ts.isCallExpression(node)) return node
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node))
    return rowOf(node.expression, checker)
  let symbol
  if (ts.isShorthandPropertyAssignment(node))
    symbol = checker.getShorthandAssignmentValueSymbol(node)
  else if (ts.isIdentifier(node)) symbol = checker.getSymbolAtLocation(node)
  if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol)
  if (symbol) return rowOf(symbol.valueDeclaration, checker)
  return node.initializer && rowOf(node.initializer, checker)
}

const isText = (node) => node !== undefined && ts.isStringLiteralLike(node)
const isValue = (node) =>
  node !== undefined &&
  (ts.isLiteralExpression(node) ||
    ts.isPrefixUnaryExpression(node) ||
    node.kind === ts.SyntaxKind.TrueKeyword ||
    node.kind === ts.SyntaxKind.FalseKeyword)

/** A sentence: what the option is and what it is by itself; null where its row does not say in plain words. */
function sentenceOf(row) {
  // custom<T>()(kind, settings), count(settings), group(rows, about), activation(about, default)
  const settings = [...row.arguments].reverse().find((node) => settingOf(node, 'about'))
  const texts = row.arguments.filter(isText)
  const about = settings ? settingOf(settings, 'about') : texts[0]
  if (!isText(about)) return null
  const fallback = settings ? settingOf(settings, 'default') : texts[1]
  const inWords = settings && settingOf(settings, 'defaultText')
  const { text } = about
  let sentence = `${text[0].toUpperCase()}${text.slice(1)}.`
  if (isText(inWords)) sentence += ` Default: ${inWords.text}.`
  else if (isValue(fallback)) sentence += ` Default: \`${fallback.getText()}\`.`
  // Help speaks of flags.
  return sentence.replace(
    /--([a-z-]+)/g,
    (_, flag) => `\`${flag.replace(/-(.)/g, (_, c) => c.toUpperCase())}\``,
  )
}

/** Whether it is part of a type that is written out beside something with a comment, which describes the parts, too. */
function isPart(reflection) {
  const member = reflection.kindOf(ReflectionKind.CallSignature) ? reflection.parent : reflection
  let around = member?.parent
  if (!around?.kindOf(ReflectionKind.TypeLiteral)) return false
  let described = false
  for (; around && !around.isProject(); around = around.parent) {
    if (around.kindOf(ReflectionKind.Parameter)) return false // the validation leaves these out by itself
    described ||= around.hasComment()
  }
  return described
}

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Property)) return
    const [declaration] = context.getSymbolFromReflection(reflection)?.declarations ?? []
    if (!declaration || !ts.isObjectLiteralElementLike(declaration)) return
    const row = rowOf(declaration, context.checker)
    const sentence = row && ts.isCallExpression(row) ? sentenceOf(row) : null
    if (sentence === null) return
    const comment = reflection.comment ?? new Comment()
    const gap = comment.summary.length > 0 ? ' ' : ''
    comment.summary.unshift({ kind: 'text', text: sentence + gap })
    reflection.comment = comment
  })

  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    const kinds = ReflectionKind.Property | ReflectionKind.CallSignature
    const left = app.options.getValue('intentionallyNotDocumented')
    for (const reflection of project.getReflectionsByKind(kinds))
      if (!reflection.hasComment() && isPart(reflection))
        left.push(reflection.getFriendlyFullName())
  })
}
