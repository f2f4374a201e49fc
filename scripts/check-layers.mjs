/**
 * What the lint of imports (scripts/layers.mjs) does not see: includes of native/ and cuda/, circles of ts/, cells that
 * are told by their names, and the table of docs/layers.md. usage: node scripts/check-layers.mjs
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { floorsAsMarkdown, resolveImport } from './layers.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** What a folder may include besides itself. The first row that fits a file is its row. */
const INCLUDES = [
  ['native/abi', []],
  ['native/cells', ['native/abi']],
  ['native/runtime', ['native/abi']],
  ['native/comm', ['native/abi']],
  ['native/ops', ['native/abi', 'native/runtime', 'native/comm']],
  ['native/addon', ['native/abi', 'native/runtime', 'native/comm', 'native/ops']],
  // Of the runtime only what is without a state: random words, and how a thread sleeps.
  ...['native/reference', 'native/cpu', 'cuda'].map((backend) => [
    backend,
    ['native/abi', 'native/cells', 'native/runtime/philox.h', 'native/runtime/sleep.h'],
  ]),
]

/** The same within a fast backend. A file beside the folders is an op of its name, as a folder is that has no row. */
const WITHIN_BACKEND = {
  simd: [],
  gpu: [],
  emulation: [],
  core: ['simd', 'gpu'],
  gemm: ['simd', 'gpu', 'core'],
  decoder: ['simd', 'gpu', 'core', 'gemm', 'recurrent', 'attention', 'mask_time'],
}
const OF_AN_OP = ['simd', 'gpu', 'core', 'gemm']

/** Where a cell's name may be compared, as a rule of the house has it. */
const MAY_NAME_CELLS = ['native/abi/cells.h', 'ts/nn/recurrent.ts']

/** Texts of all sources by path. */
export function readSources() {
  const sources = new Map()
  for (const top of ['ts', 'native', 'cuda'])
    for (const entry of readdirSync(join(root, top), { recursive: true, withFileTypes: true })) {
      if (!/\.(ts|h|cc|cuh?)$/.test(entry.name)) continue
      const path = join(entry.parentPath ?? entry.path, entry.name)
      sources.set(path.slice(root.length + 1), readFileSync(path, 'utf8'))
    }
  return sources
}

const isIn = (path, folder) => path === folder || path.startsWith(`${folder}/`)

function mayInclude(from, to) {
  const [own, allowed] = INCLUDES.find(([folder]) => isIn(from, folder)) ?? [from, []]
  if (!isIn(to, own)) return allowed.some((folder) => isIn(to, folder))
  if (own !== 'cuda' && own !== 'native/cpu') return true
  const part = (path) => path.slice(own.length + 1).replace(/[/.].*$/, '')
  const [fromPart, toPart] = [part(from), part(to)]
  return fromPart === toPart || (WITHIN_BACKEND[fromPart] ?? OF_AN_OP).includes(toPart)
}

export function includeProblems(sources) {
  const problems = []
  for (const [from, text] of sources)
    for (const [, name] of text.matchAll(/^\s*#\s*include\s*"([^"]+)"/gm)) {
      const folders = ['.', dirname(from), 'cuda/gpu', 'cuda/emulation']
      const to = folders.map((folder) => join(folder, name)).find((path) => sources.has(path))
      if (to === undefined) problems.push(`${from} includes "${name}", which is nowhere`)
      else if (!mayInclude(from, to))
        problems.push(`${from} may not include ${to}: see docs/layers.md`)
    }
  return problems
}

/** Relative paths that a file of ts/ imports from, types too. */
const IMPORT = /\b(?:from|import|import\()\s*'(\.[^']+)'/g

/** One circle of imports for each that is found. */
export function circleProblems(sources) {
  const imports = new Map()
  for (const [path, text] of sources)
    if (isIn(path, 'ts'))
      imports.set(
        path,
        [...text.matchAll(IMPORT)].map(([, to]) => resolveImport(path, to)),
      )
  const problems = []
  const done = new Set()
  const visit = (path, trail) => {
    const at = trail.indexOf(path)
    if (at >= 0) problems.push(`a circle of imports: ${[...trail.slice(at), path].join(' -> ')}`)
    if (at >= 0 || done.has(path)) return
    for (const next of imports.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of imports.keys()) visit(path, [])
  return problems
}

/** The names of cells in native/abi/cells.h, and those that options have for them. */
function cellNames(sources) {
  const rows = sources.get('native/abi/cells.h') ?? ''
  const names = Array.from(rows.matchAll(/^\s*CELL\(\w+,\s*(\w+),/gm), ([, name]) => name)
  if (names.length === 0) throw new Error('no rows of cells in native/abi/cells.h')
  return names
}

export function cellNameProblems(sources) {
  const names = cellNames(sources)
  const inTypeScript = `'(?:${[...names, 'rnn'].join('|')})'`
  const inCpp = `RN_(?:${names.join('|').toUpperCase()})\\b`
  const comparison = (name) => new RegExp(`(?:[=!]==?|\\bcase)\\s*${name}|${name}\\s*[=!]==?`)
  const problems = []
  for (const [path, text] of sources) {
    if (MAY_NAME_CELLS.includes(path)) continue
    const pattern = comparison(path.endsWith('.ts') ? inTypeScript : inCpp)
    text.split('\n').forEach((line, i) => {
      const [found] = pattern.exec(line) ?? []
      if (found)
        problems.push(`${path}:${i + 1} tells a cell by its name: ${found}. Ask what it has`)
    })
  }
  return problems
}

export function docsProblems(page) {
  return page.includes(floorsAsMarkdown()) ? [] : ['docs/layers.md: not the table of layers.mjs']
}

export function allProblems(sources) {
  return [includeProblems, circleProblems, cellNameProblems].flatMap((check) => check(sources))
}

if (basename(process.argv[1] ?? '') === 'check-layers.mjs') {
  const page = readFileSync(join(root, 'docs/layers.md'), 'utf8')
  const problems = [...allProblems(readSources()), ...docsProblems(page)]
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length > 0 ? 1 : 0
}
