import {
  checkFlag,
  checkFunction,
  checkWhole,
  isListOf,
  isObject,
  optionsOf,
  whole,
  type Names,
} from '../check'
import { expect } from '../errors'
import { isPromise } from '../kinds'
import { noGrad, scope, tensor, type DeviceName, type Tensor } from '../tensor'
import * as ops from '../ops'
import { checkTensor } from '../ops/support'
import { checkShape, formatShape, shapeError } from '../tensor/shape'
import type { Decoding, QueuedSteps, StepModel, StepOutput } from './step-model'

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>

/** What a step of a {@link StateModel} is given besides the tokens. */
export interface StepContext {
  /** Of each row, as the step before left it; null at the start unless the model has states. */
  state: Tensors | null
  /** Of the sources still decoded. */
  source: Tensors
  /** Real positions of each of them. */
  lengths: readonly number[]
  /** Which sources they are, of those that the model has: from 0, ascending. */
  places: readonly number[]
  /** Rows of a source, one after another. */
  beams: number
  /** How many steps have been made: the position of the tokens. */
  steps: number
}

/** What a step of a {@link StateModel} gives. */
export interface StepResult {
  /** [1, rows, vocabulary] */
  logits: Tensor
  /** [1, rows, positions] */
  attention: Tensor | null
  /** Of each row, for the next step. */
  state: Tensors
}

/** What a {@link StateModel} is made of. */
export interface StateModelOptions {
  /** Tokens that may be predicted. */
  vocabulary: number
  /** The token that sequences begin with. */
  bos: number
  /** The token that ends them. */
  eos: number
  /** Where it computes. */
  device: DeviceName
  /** Real positions of each source. */
  lengths: readonly number[]
  /** Whether steps give the attention over those positions. */
  attends: boolean
  /** What stays as it is while a source is decoded: [..., sources, features]. The caller's own. */
  source: Tensors
  /** What the rows start from: [..., sources, features]; the caller's own. */
  state: Tensors | null
  /** ids: i32 [1, rows]. Tensors made inside are freed, but for the result's. */
  step(ids: Tensor, context: StepContext): StepResult
}

const OP = 'stateModel'
const NAMES: Names<StateModelOptions> = {
  ...{ vocabulary: true, bos: true, eos: true, device: true, lengths: true, attends: true },
  ...{ source: true, state: true, step: true },
}

/** A model whose steps are a function from states to states. */
export class StateModel implements StepModel {
  /** Tokens that may be predicted. */
  readonly vocabulary: number
  /** The token that sequences begin with. */
  readonly bos: number
  /** The token that ends them. */
  readonly eos: number
  readonly sources: number
  readonly sourceLengths: readonly number[] | null

  /** `ERR_ARGUMENT` for what is none of the options, `ERR_SHAPE` for tensors of other sources than `lengths` tells. */
  constructor(private readonly options: StateModelOptions) {
    optionsOf(OP, options, NAMES)
    for (const name of ['vocabulary', 'bos', 'eos'] as const)
      checkWhole(OP, name, options[name], name === 'vocabulary' ? 1 : 0)
    const counts = isListOf(options.lengths, (n) => whole(n, 0))
    expect(OP, 'lengths', counts, 'a list of whole numbers', options.lengths)
    const { vocabulary, bos, eos, lengths, attends, source, state } = options
    expect(OP, 'eos', eos < vocabulary, `a token of 0..${vocabulary - 1}`, eos)
    checkFlag(OP, 'attends', attends)
    checkTensors('source', source, lengths.length)
    if (state !== null) checkTensors('state', state, lengths.length)
    checkFunction(OP, 'step', options.step)
    this.vocabulary = vocabulary
    this.bos = bos
    this.eos = eos
    this.sources = lengths.length
    this.sourceLengths = attends ? lengths : null
  }

  start(beams: number): Decoding {
    return new StateDecoding(this.options, beams)
  }
}

/** Throws unless they are tensors of so many rows: [..., rows, features]. */
function checkTensors(name: string, tensors: unknown, rows: number): asserts tensors is Tensors {
  expect(OP, name, isObject(tensors), 'an object of tensors', tensors)
  for (const [key, x] of Object.entries(tensors as Tensors)) {
    checkTensor(OP, `${name}.${key}`, x)
    if (x.shape.at(-2) !== rows)
      throw shapeError(OP, `${name}.${key}`, `[..., ${rows}, features]`, formatShape(x.shape))
  }
}

/** Throws unless it is a tensor of one step: [1, rows, ...]. */
function checkStep(name: string, x: Tensor, rows: number, width: number | string): void {
  checkTensor(OP, name, x)
  checkShape(OP, name, x.shape, [1, rows, width])
}

/** Throws unless it is what a step of so many rows gives. */
function checkResult(result: StepResult, rows: number, { vocabulary, attends }: StateModelOptions) {
  expect(
    OP,
    'step',
    isObject(result) && !isPromise(result),
    'a function that returns { logits, attention, state }',
    result,
  )
  const { logits, attention, state } = result
  checkStep('logits', logits, rows, vocabulary)
  if (attends || attention !== null) checkStep('attention', attention as Tensor, rows, 'positions')
  checkTensors('state', state, rows)
}

function move(tensors: Tensors, rows: Int32Array | Tensor): Tensors {
  const moved = Object.entries(tensors).map(([name, x]) => [name, ops.takeRows(x, rows)] as const)
  return Object.fromEntries(moved)
}

function disposeAll(tensors: Tensors | null): void {
  for (const x of Object.values(tensors ?? {})) x.dispose()
}

class StateDecoding implements Decoding {
  private state: Tensors | null
  private source: Tensors
  private lengths: readonly number[]
  private places: readonly number[]
  private steps = 0
  /** Whether `source` holds copies, of the sources still decoded. */
  private copied = false

  constructor(
    private readonly options: StateModelOptions,
    private beams: number,
  ) {
    const { state, source, lengths } = options
    this.source = source
    this.lengths = lengths
    this.places = [...lengths.keys()]
    const rows = Int32Array.from({ length: lengths.length * beams }, (_, i) =>
      Math.floor(i / beams),
    )
    this.state = state ? noGrad(() => move(state, rows)) : null
  }

  readonly queued: QueuedSteps = {
    step: (tokens) => this.read(() => ops.reshape(tokens, [1, tokens.size])),
    take: (rows) => {
      this.moveStates(rows)
      this.beams = rows.size / this.lengths.length
    },
  }

  step(tokens: Int32Array): StepOutput {
    const { device } = this.options
    return this.read(() => tensor(tokens, [1, tokens.length], { device }))
  }

  private read(makeIds: () => Tensor): StepOutput {
    const { options, state, source, lengths, places, beams, steps } = this
    const made = scope(() => {
      const ids = makeIds()
      const result = options.step(ids, { state, source, lengths, places, beams, steps })
      checkResult(result, ids.size, options)
      const flat = (x: Tensor) => ops.reshape(x, x.shape.slice(1))
      // Of its own, since a step may hand on what it was given, or what is the caller's.
      const own = (x: Tensor) => ops.reshape(x, x.shape)
      const entries = Object.entries(result.state).map(([name, x]) => [name, own(x)] as const)
      return {
        logits: flat(result.logits),
        attention: result.attention && flat(result.attention),
        state: Object.fromEntries(entries),
      }
    })
    disposeAll(state)
    this.state = made.state
    ++this.steps
    return { logits: made.logits, attention: made.attention }
  }

  private moveStates(rows: Int32Array | Tensor): void {
    const { state } = this
    if (state === null) return
    this.state = move(state, rows)
    disposeAll(state)
  }

  take(rows: Int32Array, sources: Int32Array): void {
    const { source } = this
    this.moveStates(rows)
    this.beams = rows.length / sources.length
    if (sources.length === this.lengths.length) return
    this.source = move(source, sources)
    this.lengths = Array.from(sources, (index) => this.lengths[index] as number)
    this.places = Array.from(sources, (index) => this.places[index] as number)
    if (this.copied) disposeAll(source)
    this.copied = true
  }

  dispose(): void {
    disposeAll(this.state)
    this.state = null
    if (this.copied) disposeAll(this.source)
    this.copied = false
  }
}
