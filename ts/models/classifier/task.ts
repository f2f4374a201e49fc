import { arrange, numbersFor } from '../../data/arrange'
import { ALONE, layOut, shared, type Feed, type Portion, type Share } from '../../data'
import type { CheckpointFiles } from '../../io/checkpoint'
import * as ops from '../../ops'
import { zeros, type Tensor } from '../../tensor'
import { randomUniforms, streamKey } from '../../tensor/random'
import { TOKEN_STEP } from '../../tensor/program'
import type { BatchLoss, Objective, StepInput } from '../../train/objective'
import type { TextSet } from './examples'
import type { ClassifierNetwork, NetworkInput } from './network'
import type { ClassifierNetworkOptions } from './options'

/** Texts of some examples side by side, those of an example one after another. */
export interface TextBatch {
  examples: number
  steps: number
  /** i32 [steps, texts] */
  ids: Int32Array
  lengths: Int32Array
  tokens: number
}

/** What `network` reads of a batch. */
export function textInputs({ steps, ids, lengths }: TextBatch): StepInput[] {
  const texts = lengths.length
  return [
    { shape: [steps, texts], data: ids },
    { shape: [texts], data: lengths },
  ]
}

export function textTensors(inputs: readonly Tensor[]): NetworkInput {
  const [ids, lengths] = inputs as [Tensor, Tensor]
  return { ids, lengths }
}

/** Of `steps` at least, and of one where all texts are empty. */
export function textBatch(set: TextSet, indices: ArrayLike<number>, least = 1): TextBatch {
  const all = Array.from(indices, (index) => set.ids[index] as readonly Int32Array[]).flat()
  const tokens = all.reduce((sum, { length }) => sum + length, 0)
  const laid = layOut(all)
  const steps = Math.max(1, least, laid.steps)
  const ids = new Int32Array(steps * all.length)
  ids.set(laid.ids)
  return { examples: indices.length, steps, ids, lengths: laid.lengths, tokens }
}

/** A batch to learn from. */
export interface ClassifierBatch extends TextBatch {
  /** Numbers of labels [examples], or yes and no, 1 and 0, [examples, outputs]. */
  targets: StepInput
  /** Of losses, as the targets are, or [examples, 1]; null: all are 1. */
  weights: StepInput | null
  /** What the loss is divided by. */
  count: number
}

type Sizes = { batch: number } | { batchTokens: number }

/** Examples of similar lengths together, in an order that depends on seed and pass alone. */
export class ExampleFeed implements Feed<ClassifierBatch> {
  readonly unit = 'tokens'
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  readonly count: number
  private readonly arrangement: Parameters<typeof arrange>[0]
  private plan: { pass: number; batches: Uint32Array[] } | null = null

  /** `contents`: the digest of the examples; `weights`: of each label, null where all are 1. */
  constructor(
    private readonly set: TextSet,
    contents: string,
    sizes: Sizes,
    private readonly options: ClassifierNetworkOptions,
    private readonly weights: readonly number[] | null,
    private seed: number,
  ) {
    const { length } = set
    const longest = (i: number) => set.longestOf(i)
    if ('batch' in sizes) {
      this.count = Math.ceil(length / sizes.batch)
      this.arrangement = { length, sizes: [longest], count: this.count, rows: sizes.batch }
    } else {
      let total = 0
      for (let i = 0; i < length; ++i) total += set.tokensOf(i)
      this.count = Math.max(1, Math.min(length, Math.ceil(total / sizes.batchTokens)))
      const weight = (i: number) => set.tokensOf(i)
      this.arrangement = { length, sizes: [longest], count: this.count, weight }
    }
    this.identity = { ...sizes, examples: length, contents }
    this.facts = { examples: length }
  }

  reseed(seed: number): void {
    this.seed = seed
    this.plan = null
  }

  *pass(
    pass: number,
    first: number,
    repeating = false,
    share: Share = ALONE,
  ): Generator<Portion<ClassifierBatch>> {
    if (this.plan?.pass !== pass) this.plan = { pass, batches: this.arrange(pass) }
    const make = (own: Uint32Array) => this.portion(own, repeating)
    for (const indices of this.plan.batches.slice(first))
      yield shared(indices, share, make, this.options.fields)
  }

  private portion(indices: Uint32Array, repeating: boolean): Portion<ClassifierBatch> {
    const batch = this.batch(indices, repeating)
    const { examples, steps, tokens } = batch
    const room = Math.ceil(tokens / TOKEN_STEP)
    return {
      batch,
      items: tokens,
      rows: batch.lengths.length,
      key: [examples, steps, room].join(' '),
    }
  }

  private arrange(pass: number): Uint32Array[] {
    const key = streamKey(this.seed, 'examples')
    const random = randomUniforms({ key, step: pass, sampleBase: 0 }, numbersFor(this.arrangement))
    return arrange(this.arrangement, random)
  }

  private batch(indices: Uint32Array, repeating: boolean): ClassifierBatch {
    const { set, options, weights } = this
    const longest = indices.reduce((most, i) => Math.max(most, set.longestOf(i)), 1)
    const batch = textBatch(set, indices, repeating ? Math.ceil(longest / BUCKET) * BUCKET : 1)
    const own = Array.from(indices, (i) => set.labels[i] as Int32Array)
    return { ...batch, ...learned(own, options, weights) }
  }
}

/** In recorded steps, batches are padded to a multiple of so many positions: few shapes serve many. */
const BUCKET = 8

/** Targets, weights and what the loss is divided by, given the labels of each example. */
function learned(
  own: readonly Int32Array[],
  { task, labels }: ClassifierNetworkOptions,
  weights: readonly number[] | null,
): Pick<ClassifierBatch, 'targets' | 'weights' | 'count'> {
  const rows = own.length
  const several = task === 'multi-label'
  const outputs = several ? labels.length : labels.length - 1
  const first = Int32Array.from(own, ([label = 0]) => label)
  const yes = (row: number, output: number) =>
    several ? (own[row] as Int32Array).includes(output) : (first[row] as number) > output
  const matrix = <A extends Int32Array | Float32Array>(
    data: A,
    value: (row: number, output: number) => number,
  ): StepInput => {
    for (let i = 0; i < data.length; ++i) data[i] = value(Math.floor(i / outputs), i % outputs)
    return { shape: [rows, outputs], data }
  }
  const targets =
    task === 'multi-class'
      ? { shape: [rows], data: first }
      : matrix(new Int32Array(rows * outputs), (row, output) => (yes(row, output) ? 1 : 0))
  if (weights === null) return { targets, weights: null, count: several ? rows * outputs : rows }
  const weightOf = (label: number) => weights[label] as number
  const made = several
    ? matrix(new Float32Array(rows * outputs), (row, output) =>
        yes(row, output) ? weightOf(output) : 1,
      )
    : {
        shape: task === 'ordinal' ? [rows, 1] : [rows],
        data: Float32Array.from(first, weightOf),
      }
  return { targets, weights: made, count: sumOf(made.data) }
}

function sumOf(numbers: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < numbers.length; ++i) sum += numbers[i] as number
  return sum
}

export interface ClassifierTaskOptions {
  labelSmoothing: number
  vocabulary: number
  /** What else a resumed run must share: the model's options, its tokenizer and the weights of labels. */
  identity: Readonly<Record<string, unknown>>
  validate: Objective<ClassifierBatch>['validate']
  /** What it validates with; null: nothing. */
  validation: unknown
  files: () => Promise<CheckpointFiles>
}

/** Learns which labels texts have. */
export class ClassifierTask implements Objective<ClassifierBatch> {
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  readonly repeats = true
  readonly validate: Objective<ClassifierBatch>['validate']
  readonly validation: unknown
  readonly files: () => Promise<CheckpointFiles>
  private readonly labelSmoothing: number

  constructor(
    readonly module: ClassifierNetwork,
    options: ClassifierTaskOptions,
  ) {
    const { labelSmoothing, vocabulary, identity, validate, validation, files } = options
    this.labelSmoothing = labelSmoothing
    this.identity = { model: 'TextClassifier', ...identity, labelSmoothing, vocabulary }
    this.facts = { vocabulary, labels: module.options.labels.length }
    this.validate = validate
    this.validation = validation
    this.files = files
  }

  inputs(batch: ClassifierBatch): StepInput[] {
    const { targets, weights } = batch
    return [targets, ...(weights ? [weights] : []), ...textInputs(batch)]
  }

  count({ count }: ClassifierBatch): number {
    return count
  }

  loss(
    inputs: readonly Tensor[],
    { weights, count }: ClassifierBatch,
  ): BatchLoss<Record<string, Tensor>> {
    const [targets, ...others] = inputs as [Tensor, ...Tensor[]]
    const weighed = weights ? (others.shift() as Tensor) : null
    const { logits } = this.module.train().forward(textTensors(others))
    const losses = this.losses(logits, targets)
    return { sum: ops.sum(weighed ? ops.mul(losses, weighed) : losses), count }
  }

  /** Of labels, or of yes and no. */
  private losses(logits: Tensor, targets: Tensor): Tensor {
    const { labelSmoothing } = this
    if (targets.dims === 1)
      return ops.crossEntropyLosses(logits, targets, { labelSmoothing }).losses
    const yes = ops.reshape(logits, [...logits.shape, 1])
    const no = zeros(yes.shape, { device: yes.device, dtype: yes.dtype })
    return ops.crossEntropyLosses(ops.concat([no, yes], -1), targets, { labelSmoothing }).losses
  }
}
