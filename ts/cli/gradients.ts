/**
 * `rnnative report gradients`: what vanishes, what explodes, and what initial values and clipping change. Nets
 * learn to tell the first of many symbols after the last (Hochreiter & Schmidhuber 1997, long time lags): all that
 * the first step learns from has come back through all states.
 */
import { batches } from '../data/public'
import { RnnativeError } from '../errors'
import {
  Embedding,
  GRU,
  Linear,
  LSTM,
  Module,
  RNN,
  type Recurrent,
  type RecurrentOptions,
} from '../nn'
import * as ops from '../ops'
import { sgd } from '../optim'
import { drawPanels, linesOf, type FlowLine } from '../report/flow-chart'
import { gradientFlow, type GradientFlow } from '../report/gradient-flow'
import { writeFigures } from '../report/page'
import { loadDrawing } from '../report/vega'
import { tryFile } from '../io/files'
import type { Tensor } from '../tensor'
import { randomWords, streamKey } from '../tensor/random'
import { Trainer } from '../train'

export interface GradientsOptions {
  /** The page. */
  output: string
  /** From the symbol to the question. */
  steps: number
  hidden: number
  updates: number
  rate: number
  clipNorm: number
  seed: number
}

const CELLS: Readonly<Record<string, (options: RecurrentOptions) => Recurrent>> = {
  RNN: (options) => new RNN(options),
  LSTM: (options) => new LSTM(options),
  GRU: (options) => new GRU(options),
}
const INITS = { uniform: undefined, orthogonal: 'orthogonal' } as const
const SYMBOLS = 8
const ROWS = 32
const EXAMPLES = 1024

class Remembering extends Module {
  readonly embedding: Embedding
  readonly output: Linear

  constructor(
    readonly rnn: Recurrent,
    seed: number,
  ) {
    super()
    this.embedding = new Embedding(SYMBOLS, rnn.input, { seed })
    this.output = new Linear(rnn.hidden, SYMBOLS, { seed })
  }

  /** symbols: i32 [time, batch]. Logits of the first one. */
  forward(symbols: Tensor): Tensor {
    const { state } = this.rnn.forward(this.embedding.forward(symbols))
    return this.output.forward(ops.select(state.h, 0, 0))
  }
}

const nats = (module: Remembering, symbols: Tensor, first: Tensor): Tensor =>
  ops.sum(ops.crossEntropyLosses(module.forward(symbols), first).losses)

/** What was seen of one net. */
interface Seen {
  cell: string
  init: string
  clipped: boolean
  before: GradientFlow
  after: GradientFlow
  /** Of each update, before clipping. */
  norms: number[]
  loss: number
}

function examples({ steps, seed }: GradientsOptions): { symbols: number[]; first: number }[] {
  const random = { key: streamKey(seed, 'gradients'), step: 0, sampleBase: 0 }
  const words = randomWords(random, EXAMPLES * steps)
  return Array.from({ length: EXAMPLES }, (_, i) => {
    const symbols = Array.from(words.subarray(i * steps, (i + 1) * steps), (word) => word % SYMBOLS)
    return { symbols, first: symbols[0] as number }
  })
}

async function look(
  cell: string,
  init: keyof typeof INITS,
  clipped: boolean,
  feed: ReturnType<typeof feedOf>,
  { hidden, updates, rate, clipNorm, seed }: GradientsOptions,
): Promise<Seen> {
  const make = CELLS[cell] as (options: RecurrentOptions) => Recurrent
  const rnn = make({ input: hidden, hidden, seed, init: INITS[init] })
  using module = new Remembering(rnn, seed)
  const trainer = new Trainer({
    ...{ module, feed, seed },
    loss: ({ symbols, first }) => ({ sum: nats(module, symbols, first), count: first.size }),
  })
  const flow = async () => (await gradientFlow(trainer, feed))[0] as GradientFlow
  const before = await flow()
  const norms: number[] = []
  let last = NaN
  const run = trainer.fit({
    ...{ maxSteps: updates, optimizer: sgd({ lr: rate }) },
    clipNorm: clipped ? clipNorm : Infinity,
  })
  try {
    for await (const { gradientNorm, loss } of run) {
      norms.push(gradientNorm)
      last = loss
    }
  } catch (error) {
    // It exploded, which is what is to be seen.
    if (!(error instanceof RnnativeError) || error.code !== 'ERR_NONFINITE') throw error
  }
  return { cell, init, clipped, before, after: await flow(), norms, loss: last }
}

const feedOf = (options: GradientsOptions) =>
  batches(examples(options), { rows: ROWS, seed: options.seed })

/** Looks at every cell, with either initial values, clipped and not, and writes what it saw as one page. */
export async function reportGradients(
  options: GradientsOptions,
  told: (line: string) => void,
): Promise<void> {
  await loadDrawing()
  await tryFile(options.output)
  const feed = feedOf(options)
  const all: Seen[] = []
  for (const cell of Object.keys(CELLS))
    for (const init of Object.keys(INITS) as (keyof typeof INITS)[])
      for (const clipped of [false, true]) {
        const seen = await look(cell, init, clipped, feed, options)
        all.push(seen)
        told(
          `${cell}, ${howOf(seen)}: loss ${seen.loss.toFixed(3)} after ${seen.norms.length} updates`,
        )
      }
  await writeFigures(options.output, 'What gradients do', await figuresOf(all, options))
}

const howOf = ({ init, clipped }: Seen): string => `${init}, ${clipped ? 'clipped' : 'not clipped'}`

async function figuresOf(all: readonly Seen[], { steps, clipNorm, rate }: GradientsOptions) {
  const [x, y] = ['step t', 'norm of the gradient']
  const began = all.filter(({ clipped }) => !clipped)
  const bound =
    `Dashed: the bound of the plain RNN, η^(T-t) times what its last state gets, η being the largest singular ` +
    'value of its recurrent weights: below 1 the gradient must vanish, above 1 it may explode.'
  const before = began.flatMap((one) => linesOf(one.cell, one.init, one.before))
  const after = all.flatMap((one) => linesOf(one.cell, howOf(one), one.after))
  const norms = all.map((one): FlowLine => ({
    panel: one.cell,
    name: howOf(one),
    kind: 'dL/dh',
    values: one.norms,
  }))
  return [
    {
      svg: await drawPanels(before, { x, y }),
      caption:
        `Before training: the norm of dL/dh_t, and of dL/dc_t for the LSTM, over the steps of a batch. The loss is ` +
        `that of naming the first of ${steps} symbols after the last. ${bound}`,
    },
    { svg: await drawPanels(after, { x, y }), caption: `The same after training. ${bound}` },
    {
      svg: await drawPanels(norms, { x: 'update', y: "norm of the weights' gradient" }),
      caption:
        `While training, by SGD at a rate of ${rate}: the norm of the gradient of all weights, before it is ` +
        `clipped to ${clipNorm} (Pascanu et al. 2013) or not. Where a line ends early, loss or gradient overflowed.`,
    },
  ]
}
