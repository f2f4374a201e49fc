/**
 * Who may import whom in ts/: one table, from which come the lint (eslint.config.mjs), its test
 * (test/layers.test.mts) and the page (docs/layers.md). See there for the reasons.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'

/**
 * Lowest first. A folder imports from itself, from lower floors, and from what it stands `beside`. Of a floor with
 * `families` every folder in it that is not named elsewhere is one.
 */
export const floors = [
  [{ folder: 'ground', about: 'the files of ts/ itself: what an error, a check, an option is' }],
  [
    { folder: 'native', about: 'loads the addon, for `tensor` and `ops` alone' },
    { folder: 'metrics', about: 'BLEU, F1 and their kin, of plain texts and labels' },
  ],
  [
    {
      folder: 'tensor',
      about: 'Tensor, autograd, devices, random numbers, programs, flat buffers',
    },
  ],
  [{ folder: 'ops', about: 'functions on tensors; the methods of Tensor that are ops' }],
  [{ folder: 'nn', about: 'modules' }],
  [
    { folder: 'optim', about: 'optimizers, schedules' },
    { folder: 'io', about: "safetensors, checkpoints, a model's files" },
    { folder: 'text', about: 'tokenizers', beside: ['io'] },
    { folder: 'report', about: 'figures of models and runs', beside: ['io'] },
  ],
  [
    { folder: 'data', about: 'batches' },
    { folder: 'decode', about: 'searching and sampling' },
    { folder: 'train', about: 'the training loop', beside: ['data'] },
  ],
  [
    { folder: 'models/model', about: 'what all families have in common' },
    { folder: 'models/parts', about: 'what several families are made of' },
  ],
  [{ folder: 'models/*', about: 'the families, which never import each other' }],
  [
    { folder: 'models/autoencoder', about: 'families made of another: `seq2seq`' },
    { folder: 'models/dialogue', about: 'and this one' },
    { folder: 'models/abstractive', about: 'and this one' },
  ],
  [{ folder: 'models', about: 'what is made of several families' }],
  [
    { folder: 'watch', about: 'who looks on at a run', beside: ['serve'] },
    { folder: 'convert', about: 'foreign formats' },
    { folder: 'serve', about: 'a server' },
  ],
  [{ folder: 'cli', about: 'the command line' }],
  [{ folder: 'index', about: 'the package' }],
]

/** The addon's only callers, and doctor, which tells why it does not load. */
const SPEAK_TO_ADDON = ['tensor', 'ops', 'native']
const ASKS_LOADER = 'cli/doctor.ts'

const FAMILIES = 'models/*'
const floorOf = new Map(floors.flatMap((all, floor) => all.map(({ folder }) => [folder, floor])))
const beside = new Map(floors.flat().map(({ folder, beside = [] }) => [folder, beside]))

/** The row of the table that a file belongs to; `path` is relative to ts/. */
function folderOf(path) {
  const [top, second, ...deeper] = path.replace(/\.m?ts$/, '').split('/')
  if (second === undefined) return top === 'index' ? 'index' : 'ground'
  if (top !== 'models') return top
  const inside = `models/${second}`
  if (floorOf.has(inside)) return inside
  return deeper.length > 0 ? inside : 'models'
}

const floorOfFolder = (folder) =>
  floorOf.get(folder) ?? (folder.startsWith('models/') ? floorOf.get(FAMILIES) : undefined)

/** Why `from` may not import `to`, both relative to ts/; null where it may. */
export function whyNot(from, to) {
  const [own, other] = [folderOf(from), folderOf(to)]
  const [floor, otherFloor] = [floorOfFolder(own), floorOfFolder(other)]
  for (const [folder, known] of [
    [own, floor],
    [other, otherFloor],
  ])
    // prettier-ignore
    if (known === undefined) return `ts/${folder} has no floor: give it one in scripts/layers.mjs`
  if (other === 'native' && !SPEAK_TO_ADDON.includes(own) && from !== ASKS_LOADER)
    return 'only ts/tensor and ts/ops speak to the addon'
  if (own === other || otherFloor < floor || beside.get(own)?.includes(other)) return null
  const isFamily = floor === otherFloor && floor === floorOf.get(FAMILIES)
  if (isFamily) return `families never import each other: ts/${own} and ts/${other}`
  return `ts/${other} is ${otherFloor > floor ? 'above' : 'beside'} ts/${own}: see docs/layers.md`
}

/** The file that a relative import means. */
export function resolveImport(importer, path) {
  if (path.endsWith('.mjs')) return join(dirname(importer), path).replace(/\.mjs$/, '.mts')
  const target = join(dirname(importer), path).replace(/\.js$/, '')
  return existsSync(`${target}.ts`) ? `${target}.ts` : `${target}/index.ts`
}

/** For ESLint: imports, exports and `import()` of relative paths against the table. */
export const layersRule = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const { filename } = context
    const root = filename.slice(0, filename.lastIndexOf('/ts/') + 4)
    const check = (source) => {
      const path = source?.value
      if (typeof path !== 'string' || !path.startsWith('.')) return
      const imported = resolveImport(filename, path)
      const message = whyNot(filename.slice(root.length), imported.slice(root.length))
      if (message !== null) context.report({ node: source, message })
    }
    return {
      ImportDeclaration: ({ source }) => check(source),
      ExportNamedDeclaration: ({ source }) => check(source),
      ExportAllDeclaration: ({ source }) => check(source),
      ImportExpression: ({ source }) => check(source),
      TSImportType: ({ source }) => check(source),
    }
  },
}

/** The table of docs/layers.md, highest floor first. */
export function floorsAsMarkdown() {
  const cell = (all, write) => all.map(write).join('<br>')
  const rows = floors.toReversed().map((all) => {
    const names = cell(all, ({ folder }) => `\`${folder}\``)
    const about = cell(all, ({ about, beside }) => {
      return beside ? `${about} (imports \`${beside.join('`, `')}\` beside it)` : about
    })
    return `| ${names} | ${about} |`
  })
  return ['| folder | what it is |', '| --- | --- |', ...rows].join('\n')
}
