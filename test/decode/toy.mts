/** A model of fixed random tables, and what it says computed on the host in double. */
import { ops, tensor, type decode } from 'rnnative'
import { Draw } from '../support/host.mjs'

export const EOS = 0
export const BOS = 1

export interface Toy {
  /** Names of the sources: the tables of a source are a function of its name alone. */
  names: readonly number[]
  vocabulary: number
  /** Positions of each source; attention unless left out. */
  lengths?: readonly number[]
  /** Tables of another model. */
  seed?: number
  /** Of the logits, before a random part within ±2. */
  bias?: readonly number[]
}

const draw = (what: number, seed: number, name: number, history: readonly number[]) => {
  const source = new Draw(history.reduce((h, token) => Math.imul(h, 131) + token + 7, name * 7919))
  for (let i = 0; i < 5 + seed + what; ++i) source.next()
  return source
}

export function logitsOf({ vocabulary, seed = 0, bias }: Toy, name: number, history: number[]) {
  const { data } = draw(0, seed, name, history).reals([vocabulary], -2, 2)
  return Float32Array.from(data, (x, i) => x + (bias?.[i] ?? 0))
}

export function logSoftmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits)
  const top = Math.max(...values)
  const total = Math.log(values.reduce((sum, x) => sum + Math.exp(x - top), 0))
  return values.map((x) => x - top - total)
}

/** Distribution over `length` positions. */
export function attentionOf({ seed = 0 }: Toy, name: number, history: number[], length: number) {
  const { data } = draw(3, seed, name, history).reals([length], 0.1, 1)
  const total = Array.from(data).reduce((sum, x) => sum + x, 0)
  return Float32Array.from(data, (x) => x / total)
}

/** Log-probabilities of the tokens and the end. */
export function logProbabilitiesOf(toy: Toy, name: number, tokens: ArrayLike<number>): number[] {
  const all = [...Array.from(tokens), EOS]
  return all.map((token, i) => logSoftmax(logitsOf(toy, name, all.slice(0, i)))[token] as number)
}

/** Counts steps; throws at step `failAt`. */
export class ToyModel implements decode.StepModel {
  readonly bos = BOS
  readonly eos = EOS
  readonly vocabulary: number
  readonly sources: number
  readonly sourceLengths: readonly number[] | null
  steps = 0
  rows = 0
  failAt = Infinity

  constructor(readonly toy: Toy) {
    this.vocabulary = toy.vocabulary
    this.sources = toy.names.length
    this.sourceLengths = toy.lengths ?? null
  }

  start(beams: number): decode.Decoding {
    return new ToyDecoding(this, beams)
  }
}

class ToyDecoding implements decode.Decoding {
  private histories: (number[] | null)[]
  private sources: Int32Array
  /** [rows, 1]: the name of each row's source, carried as a state would be. */
  private state

  constructor(
    private readonly model: ToyModel,
    private beams: number,
  ) {
    this.sources = Int32Array.from(model.toy.names, (_, i) => i)
    this.histories = Array.from({ length: this.sources.length * beams }, () => null)
    const names = this.histories.map((_, row) => model.toy.names[Math.floor(row / beams)] as number)
    this.state = tensor(Float32Array.from(names), [names.length, 1])
  }

  step(tokens: Int32Array): decode.StepOutput {
    const { toy } = this.model
    if (++this.model.steps === this.model.failAt) throw new Error('toy failure')
    this.model.rows += tokens.length
    if (tokens.length !== this.histories.length) throw new Error('tokens of other rows')
    this.histories = this.histories.map((history, row) =>
      history === null ? [] : [...history, tokens[row] as number],
    )
    const source = (row: number) => this.sources[Math.floor(row / this.beams)] as number
    const name = (row: number) => toy.names[source(row)] as number
    const rows = this.histories as number[][]
    const logits = rows.flatMap((history, row) => [...logitsOf(toy, name(row), history)])
    const width = Math.max(1, ...(toy.lengths ?? []))
    const weights = rows.flatMap((history, row) => {
      const length = toy.lengths?.[source(row)] ?? 0
      const real = [...attentionOf(toy, name(row), history, length)]
      return [...real, ...new Array<number>(width - length).fill(0)]
    })
    return {
      logits: tensor(Float32Array.from(logits), [rows.length, toy.vocabulary]),
      attention: toy.lengths ? tensor(Float32Array.from(weights), [rows.length, width]) : null,
    }
  }

  take(rows: Int32Array, sources: Int32Array): void {
    const present = this.beams
    const beams = rows.length / sources.length
    rows.forEach((row, i) => {
      if (Math.floor(row / present) !== sources[Math.floor(i / beams)])
        throw new Error('lost source')
    })
    this.beams = beams
    this.histories = Array.from(rows, (row) => this.histories[row] as number[])
    this.sources = sources.map((source) => this.sources[source] as number)
    const moved = ops.takeRows(this.state, rows)
    this.state.dispose()
    this.state = moved
  }

  dispose(): void {
    this.state.dispose()
  }
}

/** All sequences of 0..`most` tokens but the end. */
export function allSequences(vocabulary: number, most: number): number[][] {
  const all: number[][] = [[]]
  for (let i = 0; i < all.length; ++i)
    if ((all[i] as number[]).length < most)
      for (let token = 0; token < vocabulary; ++token)
        if (token !== EOS) all.push([...(all[i] as number[]), token])
  return all
}

/** Always the likeliest token; the end after `most`. */
export function greedy(toy: Toy, name: number, most: number): number[] {
  const tokens: number[] = []
  while (tokens.length < most) {
    const logits = [...logitsOf(toy, name, tokens)]
    const token = logits.indexOf(Math.max(...logits))
    if (token === EOS) break
    tokens.push(token)
  }
  return tokens
}
