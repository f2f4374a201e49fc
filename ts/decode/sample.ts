import { checkGoing, checkSignal, checkWhole, isListOf, mostRows, optionsOf, whole } from '../check'
import type { Names } from '../check'
import { expect } from '../errors'
import type { AbortSignalLike } from '../signal'
import { checkLogits, PenaltyList } from './expand'
import { checkLimits, LIMIT_NAMES, type LimitOptions, type Limits } from './limits'
import { Sampler, SAMPLING_NAMES, type SamplingOptions } from './sampler'
import { noGrad, scope, type DType, type Tensor } from '../tensor'
import { freshSeed } from '../tensor/create'
import * as ops from '../ops'
import {
  checkModel,
  disposeOutput,
  placesOf,
  queueLength,
  survivors,
  takeStates,
} from './step-model'
import type { Decoding, QueuedSteps, StepModel, StepOutput } from './step-model'

/** Options of {@link sample}. */
export interface SampleOptions extends SamplingOptions, LimitOptions {
  /** Of each source. Default 1. */
  samples?: number | undefined
  /**
   * A number for each source: a source gives the same samples under the same seed and number, in
   * whatever batch. Default: its position in the batch.
   */
  streams?: readonly number[] | undefined
  /** Ends the sampling with `ERR_ABORTED`. */
  signal?: AbortSignalLike | undefined
}

export const SAMPLE_NAMES: Names<SampleOptions> = {
  ...SAMPLING_NAMES,
  ...LIMIT_NAMES,
  ...{ samples: true, streams: true, signal: true },
}

/** A sequence that was drawn. */
export interface Sample {
  /** Without the model's `bos` and `eos`; a forced prefix included. */
  readonly tokens: Int32Array
  /** Under the model itself, whatever the temperature; of the end too unless `truncated`. */
  readonly logProbability: number
  /** Of each token, and of the end unless `truncated`, in nats. */
  readonly logProbabilities: Float64Array
  /** Whether it was cut off at `maxLength`. */
  readonly truncated: boolean
}

/** One sample in the making. */
class Drawing {
  readonly tokens: number[] = []
  private readonly logProbabilities: number[] = []
  done = false
  private truncated = false

  constructor(
    private readonly sampler: Sampler,
    private readonly prefix: Int32Array,
    private readonly maxLength: number,
    private readonly eos: number,
  ) {}

  /** The token to take so many steps from now, if it goes on so long; -1 if it is to be drawn. */
  given(ahead: number): number {
    return this.done ? this.eos : (this.prefix[this.tokens.length + ahead] ?? -1)
  }

  /** What decides that draw, to be asked for in order; only draws that are made count. */
  uniform(ahead: number): number {
    return this.given(ahead) < 0 ? this.sampler.uniform() : 0
  }

  /** Tokens that it may still take. */
  get left(): number {
    return this.done ? 0 : this.maxLength - this.tokens.length
  }

  accept(token: number, logProbability: number): void {
    if (this.done) return
    this.logProbabilities.push(logProbability)
    if (token === this.eos) this.done = true
    else this.tokens.push(token)
    if (!this.done && this.tokens.length === this.maxLength) this.done = this.truncated = true
  }

  /** The token of that place. */
  at(index: number): StreamedToken {
    const [token, logProbability] = [this.tokens[index], this.logProbabilities[index]]
    return { token: token as number, logProbability: logProbability as number }
  }

  result(): Sample {
    return {
      tokens: Int32Array.from(this.tokens),
      logProbability: this.logProbabilities.reduce((sum, x) => sum + x, 0),
      logProbabilities: Float64Array.from(this.logProbabilities),
      truncated: this.truncated,
    }
  }
}

/**
 * Draws `samples` token sequences for every source from the model's distribution, shaped by
 * temperature, top-k and top-p. Each has its own stream of random numbers, a function of the seed,
 * its source's number and its place among the source's samples; so a source's samples do not depend on
 * the others in its batch. Throws `ERR_ARGUMENT`, naming it, for an option that makes no sense.
 */
export async function sample(model: StepModel, options: SampleOptions = {}): Promise<Sample[][]> {
  const { all, steps } = begin(model, options)
  for await (const _ of steps) continue
  return all.map((own) => own.map((drawing) => drawing.result()))
}

/** A token of a sample that is being drawn. */
export interface StreamedToken {
  /** The token that was drawn. */
  readonly token: number
  /** Under the model itself, in nats. */
  readonly logProbability: number
}

/**
 * Draws one sample of a single source token by token, the same as {@link sample} would: its tokens as
 * they are chosen, a forced prefix included, the end left out. `ERR_ARGUMENT`.
 */
export async function* stream(
  model: StepModel,
  options: Omit<SampleOptions, 'samples'> = {},
): AsyncGenerator<StreamedToken, void, void> {
  checkModel('stream', model)
  expect('stream', 'sources', model.sources === 1, '1', model.sources)
  const { samples: _, ...names } = SAMPLE_NAMES
  const { all, steps } = begin(model, { ...optionsOf('stream', options, names), samples: 1 })
  const [[drawing]] = all as [[Drawing]]
  let told = 0
  for await (const _ of steps) while (drawing.tokens.length > told) yield drawing.at(told++)
}

/** The drawings, and the steps that fill them when iterated over. */
function begin(
  model: StepModel,
  options: SampleOptions,
): { all: Drawing[][]; steps: AsyncIterable<void> } {
  const op = 'sample'
  const { samples = 1, seed = freshSeed() } = optionsOf(op, options, SAMPLE_NAMES)
  checkModel(op, model)
  const { sources, eos } = model
  const limits = checkLimits(op, model, options)
  const { temperature, topK, topP } = options
  const shaping = { temperature, topK, topP }
  checkWhole(op, 'samples', samples, 1, mostRows(sources))
  checkSignal(op, options.signal)
  const streams = options.streams ?? Array.from({ length: sources }, (_, i) => i)
  const valid = isListOf(streams, (n) => whole(n, 0)) && streams.length === sources
  expect(op, 'streams', valid, `${sources} whole numbers of at least 0`, streams)
  const all = streams.map((stream, source) =>
    Array.from({ length: samples }, (_, n) => {
      const sampler = new Sampler({ ...shaping, seed }, `sample/${stream}/${n}`)
      const maxLength = limits.maxLengths[source] as number
      return new Drawing(sampler, limits.prefixes[source] as Int32Array, maxLength, eos)
    }),
  )
  const settings = { ...new Sampler({ ...shaping, seed }).options, ...limits, eos }
  return { all, steps: drawAll(model, all, samples, settings, options.signal) }
}

type Settings = Sampler['options'] & Limits & { readonly eos: number }

async function* drawAll(
  model: StepModel,
  all: readonly Drawing[][],
  samples: number,
  settings: Settings,
  signal: AbortSignalLike | undefined,
): AsyncGenerator<void, void, void> {
  if (all.length === 0) return
  const { eos } = model
  let active: readonly Drawing[][] = all
  let tokens: Int32Array = new Int32Array(all.length * samples).fill(model.bos)
  const decoding = model.start(samples)
  try {
    for (;;) {
      checkGoing('sample', signal)
      await drawSteps(model, decoding, tokens, active.flat(), settings)
      yield
      const open = active.filter((own) => own.some(({ done }) => !done))
      const next = survivors(active, open)
      if (next.length === 0) return
      const kept = placesOf(next, active)
      const rows = Int32Array.from({ length: next.length * samples }, (_, row) => {
        return (kept[Math.floor(row / samples)] as number) * samples + (row % samples)
      })
      takeStates(decoding, rows, kept, tokens.length)
      tokens = Int32Array.from(next.flat(), (drawing) => drawing.tokens.at(-1) ?? eos)
      active = next
    }
  } finally {
    decoding.dispose()
  }
}

/** The next token of every drawing, or the next few where steps are queued: each reads what the one before drew. */
async function drawSteps(
  { vocabulary, eos }: StepModel,
  decoding: Decoding,
  tokens: Int32Array,
  drawings: readonly Drawing[],
  settings: Settings,
): Promise<void> {
  const { queued } = decoding
  const most = drawings.reduce((most, { left }) => Math.max(most, left), 1)
  const count = queued ? Math.min(most, queueLength(drawings.length)) : 1
  const steps: ops.SampledTokens[] = []
  try {
    for (let step = 0; step < count; ++step) {
      const last = steps.at(-1)
      const output = noGrad(() => (queued && last ? next(queued, last) : decoding.step(tokens)))
      try {
        checkLogits('sample', output.logits, tokens.length, vocabulary)
        steps.push(draw(output.logits, drawings, step, settings))
      } finally {
        disposeOutput(output)
      }
    }
    const read = steps.map(({ tokens, logProbabilities }) =>
      Promise.all([tokens.data(), logProbabilities.data()]),
    )
    for (const [ids, values] of await Promise.all(read))
      drawings.forEach((drawing, row) => drawing.accept(ids[row] as number, values[row] as number))
  } finally {
    for (const { tokens, logProbabilities } of steps)
      for (const x of [tokens, logProbabilities]) x.dispose()
  }

  function next(queue: QueuedSteps, { tokens, logProbabilities }: ops.SampledTokens): StepOutput {
    if (!queue.reads) return queue.step(tokens)
    const how = { vocabulary, end: eos, ...queue.reads }
    const read = scope(() => {
      const column = <D extends DType>(x: Tensor<D>) => ops.reshape(x, [x.size, 1])
      const chosen = { indices: column(tokens), scores: column(logProbabilities) }
      return ops.extendBeams(chosen, how).tokens
    })
    try {
      return queue.step(read)
    } finally {
      read.dispose()
    }
  }
}

/** The token of each drawing so many steps from now, if it goes on so long. */
function draw(
  logits: Tensor,
  drawings: readonly Drawing[],
  ahead: number,
  { temperature, topK, topP, minLength, forbidden, eos }: Settings,
): ops.SampledTokens {
  const penalties = new PenaltyList()
  const given = Int32Array.from(drawings, (drawing) => drawing.given(ahead))
  drawings.forEach((drawing, row) => {
    if ((given[row] as number) >= 0) return
    if (drawing.tokens.length + ahead < minLength) penalties.add(row, eos, -Infinity)
    for (const token of forbidden) penalties.add(row, token, -Infinity)
  })
  return noGrad(() =>
    ops.sampleTokens(logits, {
      ...{ temperature, topK, topP, penalties, given },
      uniforms: Float64Array.from(drawings, (drawing) => drawing.uniform(ahead)),
    }),
  )
}
