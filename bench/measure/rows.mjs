// What is measured: one place that names every row. A row has an id to select it by and entrants that
// take turns on it; an entrant is a task for one of the programs in contestants.mjs.

const shape = (layers, steps, batch, input, hidden) => ({ layers, steps, batch, input, hidden })

export const SHAPES = [
  shape(2, 50, 50, 128, 128),
  shape(2, 20, 20, 200, 200),
  shape(2, 35, 20, 1500, 1500),
  shape(1, 50, 64, 512, 512),
  shape(1, 50, 64, 1024, 1024),
  shape(4, 25, 64, 512, 512),
  shape(1, 100, 1, 512, 512),
]
// Sizes that are no multiple of a vector, and a batch smaller than a register tile.
const ODD_SHAPES = [
  shape(2, 35, 20, 100, 100),
  shape(2, 35, 20, 650, 650),
  shape(1, 35, 20, 400, 1150),
  shape(1, 50, 3, 512, 512),
]
// Enough to see how far JavaScript's other runtimes are.
const JAVASCRIPT_SHAPES = ['2-50-50-128-128', '1-50-64-512-512', '1-100-1-512-512']

const shapeName = ({ layers, steps, batch, input, hidden }) =>
  [layers, steps, batch, input, hidden].join('-')

export const languageModel = (layers, hidden, steps, batch, options) => ({
  ...{ kind: 'language', layers, hidden, steps, batch, dropout: 0, precision: 'f32' },
  ...options,
})
const sgd = { kind: 'sgd', lr: 1 }
const adam = (lr) => ({ kind: 'adam', lr })
/** The models of Karpathy 2015 and Zaremba et al. 2014. */
export const LANGUAGE_MODELS = {
  'character-adam': languageModel(2, 128, 50, 50, {
    ...{ vocabulary: 65, optimizer: adam(4e-3), clipNorm: 1 },
  }),
  'ptb-small-sgd': languageModel(2, 200, 20, 20, {
    ...{ vocabulary: 10_000, optimizer: sgd, clipNorm: 5 },
  }),
  'ptb-small-adam': languageModel(2, 200, 20, 20, {
    ...{ vocabulary: 10_000, optimizer: adam(2e-3), clipNorm: 5 },
  }),
  'ptb-medium-sgd': languageModel(2, 650, 35, 20, {
    ...{ vocabulary: 10_000, optimizer: sgd, clipNorm: 5, dropout: 0.5 },
  }),
}

const GENERATION = {
  ...{ kind: 'generation', precision: 'f32' },
  ...{ layers: 2, hidden: 512, vocabulary: 65, tokens: 200 },
}

/** Lengths uniform in least..most, longest first, the same everywhere. */
export function raggedLengths(count, least = 3, most = 60) {
  let state = 1
  const draw = () => (state = (state * 48271) % 2147483647) / 2147483647
  return Array.from({ length: count }, () => least + Math.floor(draw() * (most - least + 1))).sort(
    (a, b) => b - a,
  )
}
const RAGGED = {
  ...{ kind: 'layers', mode: 'train', precision: 'f32', bidirectional: true },
  ...shape(1, 60, 64, 256, 256),
}

const product = (...lists) =>
  lists.reduce((rows, list) => rows.flatMap((row) => list.map((x) => [...row, x])), [[]])

function layerRows({ cells, modes, precisions, threads }) {
  const shapes = [...SHAPES, ...ODD_SHAPES]
  return product(cells, modes, precisions, shapes, threads).map(
    ([cell, mode, precision, sizes, count]) => {
      const task = { kind: 'layers', cell, mode, precision, ...sizes }
      const rivals = ['torch']
      if (mode === 'infer' && precision === 'f32') {
        rivals.push('ort')
        if (JAVASCRIPT_SHAPES.includes(shapeName(sizes))) rivals.push('ort-node', 'tfjs')
      }
      return {
        ...{ section: 'layers', threads: count, ...task },
        id: `layers/${cell}/${mode}/${precision}/${shapeName(sizes)}/${count}`,
        entrants: ['ours', ...rivals].map((name) => ({ name, contestant: name, task })),
      }
    },
  )
}

/** Ours at every precision asked for against PyTorch in f32. */
function languageEntrants(task, precisions) {
  const ours = precisions.map((precision) => ({
    name: precision === 'f32' ? 'ours' : `ours-${precision}`,
    contestant: 'ours',
    task: { ...task, precision },
  }))
  return [...ours, { name: 'torch', contestant: 'torch', task }]
}

function stepRows({ precisions, threads }) {
  return product(Object.entries(LANGUAGE_MODELS), threads).map(([[name, task], count]) => ({
    ...{ section: 'steps', id: `steps/${name}/${count}`, model: name, threads: count },
    tokens: task.steps * task.batch,
    entrants: languageEntrants(task, precisions),
  }))
}

function generationRows({ precisions, threads }) {
  return threads.map((count) => ({
    ...{ section: 'generation', id: `generation/${count}`, threads: count },
    tokens: GENERATION.tokens,
    entrants: [
      ...languageEntrants(GENERATION, precisions),
      { name: 'ort-node', contestant: 'ort-node', task: GENERATION },
    ],
  }))
}

function raggedRows({ cells, threads }) {
  return product(cells, threads).map(([cell, count]) => {
    const padded = { ...RAGGED, cell }
    const ragged = { ...padded, lengths: raggedLengths(RAGGED.batch) }
    const tokens = ragged.lengths.reduce((sum, length) => sum + length, 0)
    return {
      ...{ section: 'ragged', id: `ragged/${cell}/${count}`, cell, threads: count, tokens },
      entrants: [
        { name: 'ours', contestant: 'ours', task: ragged },
        { name: 'ours-padded', contestant: 'ours', task: padded },
        { name: 'torch', contestant: 'torch', task: ragged },
        { name: 'torch-padded', contestant: 'torch', task: padded },
      ],
    }
  })
}

/** `cold`: a contestant must not run anything before it is told to. */
function memoryRows({ cells, precisions, threads }) {
  const count = Math.max(...threads)
  const row = (model, task) => ({
    ...{ section: 'memory', id: `memory/${model}/${task.precision}/${count}`, model },
    ...{ precision: task.precision, threads: count },
    entrants: ['ours', 'torch'].map((name) => ({
      ...{ name, contestant: name, task: { ...task, cold: true } },
    })),
  })
  const layers = product(cells, precisions, [...SHAPES, ...ODD_SHAPES]).map(
    ([cell, precision, sizes]) =>
      row(`${cell}-${shapeName(sizes)}`, {
        ...{ kind: 'layers', mode: 'train', cell, precision, ...sizes },
      }),
  )
  return [...layers, ...Object.entries(LANGUAGE_MODELS).map(([name, task]) => row(name, task))]
}

/** All rows of the chosen cells, modes, precisions and thread counts whose id matches. */
export function selectRows({ pattern, ...choice }) {
  const rows = [layerRows, stepRows, generationRows, raggedRows, memoryRows].flatMap((make) =>
    make(choice),
  )
  return pattern ? rows.filter(({ id }) => pattern.test(id)) : rows
}
