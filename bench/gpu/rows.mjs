// What is measured on the GPU, each row with the least time that the device's arithmetic and memory
// allow for it.
import { countFlops } from '../contestants/ours/ours-layers.mjs'
import { languageModel, raggedLengths } from '../measure/rows.mjs'

const shape = (layers, steps, batch, input, hidden, more) => ({
  ...{ kind: 'layers', precision: 'bf16', layers, steps, batch, input, hidden },
  ...more,
})

const BIDIRECTIONAL = shape(1, 256, 32, 512, 512, { bidirectional: true })
const LAYERS = {
  '1-512-16-512-512': shape(1, 512, 16, 512, 512),
  '1-512-64-1024-1024': shape(1, 512, 64, 1024, 1024),
  '2-35-20-650-650': shape(2, 35, 20, 650, 650),
  '2-35-20-1500-1500': shape(2, 35, 20, 1500, 1500),
  '4-50-128-1000-1000': shape(4, 50, 128, 1000, 1000),
  '1-256-32-512-512-bidirectional': BIDIRECTIONAL,
  '1-256-32-512-512-ragged': { ...BIDIRECTIONAL, lengths: raggedLengths(32, 16, 256) },
}
const ATTENTION = {
  ...{ kind: 'attention', score: 'additive', batch: 64, queries: 50, keys: 50 },
  ...{ features: 1024, width: 1024 },
}
/** Zaremba et al. 2014. */
const PTB_LARGE = languageModel(2, 1500, 35, 20, {
  ...{ vocabulary: 10_000, optimizer: { kind: 'sgd', lr: 1 }, clipNorm: 10, dropout: 0.65 },
  precision: 'bf16',
})

/** Sutskever et al. 2014, who had 6,300 words a second on eight GPUs. */
const SUTSKEVER = {
  ...{ kind: 'translation', layers: 4, hidden: 1000, vocabulary: 32_000, batch: 128, words: 25 },
  precision: 'bf16',
}

const gates = { lstm: 4, gru: 3 }

/** Operations of matrix products, and bytes: weights and sequences once each way, in 16 bits. */
function layersWork(task) {
  const { cell, mode, layers, steps, batch, input, hidden, bidirectional, lengths } = task
  const cells = lengths ? lengths.reduce((sum, x) => sum + x, 0) : steps * batch
  const directions = bidirectional ? 2 : 1
  const weights = directions * gates[cell] * hidden * (input + hidden)
  const bytes = 2 * layers * (weights + cells * (input + directions * hidden))
  return {
    flops: (countFlops(task) * cells) / (steps * batch),
    bytes: mode === 'train' ? 3 * bytes : bytes,
  }
}

/** A tanh for each query, key and feature, in forward and again in backward. */
const attentionWork = ({ batch, queries, keys, features }) => ({
  tanhs: 2 * batch * queries * keys * features,
})

/** Forward and backward, the output projection among them. */
function languageWork({ layers, steps, batch, hidden, vocabulary }) {
  const stack = { cell: 'lstm', mode: 'train', layers, steps, batch, input: hidden, hidden }
  return { flops: countFlops(stack) + 6 * steps * batch * hidden * vocabulary, bytes: 0 }
}

/** An encoder as a decoder, of which the latter has an output. */
const translationWork = ({ layers, words, ...sizes }) =>
  languageWork({ ...sizes, layers: 2 * layers, steps: words })

/** Milliseconds. */
export function boundOf({ flops = 0, bytes = 0, tanhs = 0 }, machine) {
  const tanhsPerSecond = 16 * machine.multiprocessors * machine.megahertz * 1e6
  const seconds = Math.max(
    flops / (machine.teraflops * 1e12),
    bytes / (machine.gigabytesPerSecond * 1e9),
    tanhs / tanhsPerSecond,
  )
  return seconds * 1e3
}

const SMALL = {
  ...{ steps: 4, batch: 2, input: 16, hidden: 16 },
  ...{ queries: 4, keys: 4, features: 16, width: 16, vocabulary: 40, words: 4 },
}
/** So that a machine without a GPU can try the bench. */
function shrink(task) {
  const sizes = Object.entries(SMALL).filter(([name]) => name in task)
  return { ...task, ...Object.fromEntries(sizes), ...(task.lengths && { lengths: [4, 1] }) }
}

/**
 * The rows whose id matches. `contestants`: of `ours` and `torch`; `tiers`: ways of running layers that enter
 * besides; `smoke`: only tiny sizes.
 */
export function selectRows({ pattern, smoke, contestants, tiers = [] }) {
  const row = (id, given, workOf, section = 'gpu') => {
    const task = smoke ? shrink(given) : given
    return {
      ...{ section, id, threads: 1, work: workOf(task) },
      ...(task.kind === 'language' && { tokens: task.steps * task.batch }),
      ...(task.kind === 'translation' && { tokens: 2 * task.words * task.batch }),
      entrants: [
        ...contestants.map((name) => ({ name, contestant: `${name}-gpu`, task })),
        ...(task.kind === 'layers'
          ? tiers.map((name) => ({ name, contestant: `ours-gpu-${name}`, task }))
          : []),
      ],
    }
  }
  /** Besides, with every op submitted: what graphs save. */
  const steps = (made, rivals = true) => {
    const ours = made.entrants.filter(({ name }) => rivals || name === 'ours')
    const submitted = made.entrants
      .filter(({ name }) => name === 'ours')
      .map((entrant) => ({
        ...entrant,
        name: 'submitted',
        task: { ...entrant.task, graphs: false },
      }))
    return { ...made, entrants: [...ours, ...submitted] }
  }
  const layers = ([name, task], cells) =>
    cells.flatMap((cell) =>
      ['infer', 'train'].map((mode) =>
        row(`${cell}/${name}/${mode}`, { ...task, cell, mode }, layersWork),
      ),
    )
  const rows = [
    ...layers(['1-1024-16-768-768', shape(1, 1024, 16, 768, 768)], ['lstm']),
    steps(row('language/ptb-large', PTB_LARGE, languageWork)),
    steps(row('translation/4-1000', SUTSKEVER, translationWork), false),
    row('attention/additive', ATTENTION, attentionWork),
    ...Object.entries(LAYERS).flatMap((entry) => layers(entry, ['lstm', 'gru'])),
    // `cold`: nothing may run before it is told to.
    row('attention/additive/memory', { ...ATTENTION, cold: true }, attentionWork, 'memory'),
  ]
  return pattern ? rows.filter(({ id }) => pattern.test(id)) : rows
}
