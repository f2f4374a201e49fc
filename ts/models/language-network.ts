import { RnnativeError } from '../errors'
import { Dropout, Embedding, GRU, Linear, LSTM, Module, RNN, type Recurrent } from '../nn'
import type { RecurrentState } from '../nn'
import type { Tensor } from '../tensor'
import type { DeviceOption } from '../tensor/device'
import type { Precision } from '../tensor/precision'

export type CellName = 'lstm' | 'gru' | 'rnn'

/** What makes up a network; `config.json` holds it. */
export interface LanguageNetworkOptions {
  cell: CellName
  layers: number
  hidden: number
  embedding: number
  dropout: number
  tieWeights: boolean
  /** Of all products: the stack's and the output projection's. */
  precision: Precision
}

/**
 * Embedding, recurrent stack, output projection. Dropout lies on the non-recurrent connections
 * (Zaremba et al. 2014). Parameters: `embedding.weight`, `rnn.weight_ih_l0` and so on under PyTorch's
 * names, `output.weight` (absent when tied to the embedding), `output.bias`.
 */
export class LanguageNetwork extends Module {
  readonly embedding: Embedding
  readonly rnn: Recurrent
  readonly output: Linear
  private readonly inputDropout: Dropout
  private readonly outputDropout: Dropout

  constructor(
    vocabulary: number,
    { cell, layers, hidden, embedding, dropout, tieWeights, precision }: LanguageNetworkOptions,
    { seed, device }: { seed: number; device: DeviceOption },
  ) {
    super()
    if (tieWeights && embedding !== hidden)
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[language model] tieWeights: expected embedding = hidden, got ${embedding} and ${hidden}`,
      )
    const sizes = { input: embedding, hidden, layers, dropout, device, precision }
    this.embedding = new Embedding(vocabulary, embedding, { device })
    this.rnn = makeRecurrent(cell, sizes)
    this.output = new Linear(hidden, vocabulary, { device, precision })
    if (tieWeights) {
      this.output.weight.dispose()
      this.output.weight = this.embedding.weight
    }
    this.inputDropout = new Dropout(dropout)
    this.outputDropout = new Dropout(dropout)
    this.reset(seed)
  }

  /** ids: i32 [time, batch]. `output` is what the projection takes: [time, batch, hidden]. */
  forward(ids: Tensor, state: RecurrentState | null): { output: Tensor; state: RecurrentState } {
    const x = this.inputDropout.forward(this.embedding.forward(ids))
    const result = this.rnn.forward(x, { state })
    return { output: this.outputDropout.forward(result.output), state: result.state }
  }
}

interface StackOptions {
  input: number
  hidden: number
  layers: number
  dropout: number
  device: DeviceOption
  precision: Precision
}

function makeRecurrent(cell: CellName, options: StackOptions): Recurrent {
  switch (cell) {
    case 'lstm':
      return new LSTM({ ...options, forgetBias: 1 })
    case 'gru':
      return new GRU(options)
    case 'rnn':
      return new RNN(options)
    default:
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[language model] cell: expected lstm, gru or rnn, got ${String(cell)}`,
      )
  }
}

/** The same values outside any graph, to carry into the next call. */
export const detachState = ({ h, c }: RecurrentState): RecurrentState =>
  c === undefined ? { h: h.detach() } : { h: h.detach(), c: c.detach() }

export function disposeState(state: RecurrentState | null): void {
  state?.h.dispose()
  state?.c?.dispose()
}
