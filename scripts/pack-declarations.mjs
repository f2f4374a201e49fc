// Writes dist/.npmignore, which keeps out of the npm package the declarations that nothing public names: one file in two.
// After a build of TypeScript: node scripts/pack-declarations.mjs
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist')
const DECLARATION = /\.d\.m?ts$/

/** The file that `from` imports as `name`; null for a package's. */
function resolved(from, name) {
  if (!name.startsWith('.')) return null
  const path = join(dirname(from), name)
  const stem = path.replace(/\.(m?)js$/, '.d.$1ts')
  const found = [stem, `${path}.d.ts`, join(path, 'index.d.ts')].find(
    (candidate) => DECLARATION.test(candidate) && existsSync(candidate),
  )
  if (found === undefined) throw new Error(`${from} imports ${name}, which is not there`)
  return found
}

/** What it imports and exports from elsewhere, `import('./x').T` with it. */
function importsOf(file) {
  const names = []
  const look = (node) => {
    const name = ts.isImportTypeNode(node) ? node.argument.literal : node.moduleSpecifier
    if (name !== undefined) names.push(name.text)
    ts.forEachChild(node, look)
  }
  look(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022))
  return names
}

const named = new Set(['index.d.ts', 'index.d.mts'].map((name) => join(dist, name)))
// A set gives what is added to it while it is gone through, too.
for (const file of named)
  for (const name of importsOf(file)) {
    const found = resolved(file, name)
    if (found !== null) named.add(found)
  }

const others = readdirSync(dist, { recursive: true })
  .filter((name) => DECLARATION.test(name) && !named.has(join(dist, name)))
  .map((name) => `/${name}`)
writeFileSync(join(dist, '.npmignore'), `${others.sort().join('\n')}\n`)
console.log(`${named.size} declarations are packed, ${others.length} are not`)
