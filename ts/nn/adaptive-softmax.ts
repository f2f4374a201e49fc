import { checkFinite, checkFlag, isListOf, optionsOf, whole, type Names } from '../check'
import { expect } from '../errors'
import * as ops from '../ops'
import { checkLinear, type LinearPrecision } from '../precision'
import { scope, tensor, type DType, type Real, type Tensor } from '../tensor'
import { sizeOf } from '../tensor/shape'
import { checkInit } from './init-source'
import { checkSizes, LAYER_NAMES, Linear, seedOf, type LayerOptions } from './layers'
import { Module } from './module'
import { checkFeatures, checkTargets } from './targets'

/** Targets of this value are not scored unless another is named. */
const IGNORED = -100

/** Options of an {@link AdaptiveSoftmax}. */
export interface AdaptiveSoftmaxOptions extends LayerOptions {
  /**
   * Where clusters begin, in rising order: classes below the first are in the head, those from one to the next in a tail
   * each, and those from the last on in the last tail.
   */
  cutoffs: readonly number[]
  /** The i-th tail, counted from 1, sees its input in floor(input / divisor^i) features. Default 4. */
  divisor?: number | undefined
  /** Whether the head has a bias; tails have none. Default false. */
  headBias?: boolean | undefined
  /** Of its products, forward and backward; 'int8' within `noGrad` alone. Default 'f32'. */
  precision?: LinearPrecision | undefined
}

const NAMES: Names<AdaptiveSoftmaxOptions> = {
  ...LAYER_NAMES,
  ...{ cutoffs: true, divisor: true, headBias: true, precision: true },
}

/** Options of {@link AdaptiveSoftmax.losses}. */
export interface AdaptiveLossesOptions {
  /** Targets of this value count for nothing. Default -100. */
  ignoreIndex?: number | undefined
}

/** Classes of the tails, which are numbered from 0. `ERR_ARGUMENT` unless cutoffs part the classes. */
function tailsOf(classes: number, cutoffs: unknown): number[] {
  const rising = (x: unknown): x is readonly number[] =>
    isListOf(x, (cutoff) => whole(cutoff, 1) && cutoff < classes) &&
    (x as number[]).every((cutoff, i, all) => i === 0 || cutoff > (all[i - 1] as number))
  const words = `rising whole numbers from 1 to ${classes - 1}, one at least`
  const valid = rising(cutoffs) && cutoffs.length > 0
  if (!valid) expect('adaptiveSoftmax', 'cutoffs', false, words, cutoffs)
  const ends = [...(cutoffs as readonly number[]), classes]
  return ends.slice(1).map((end, i) => end - (ends[i] as number))
}

/**
 * A softmax over many classes, the frequent ones first, that computes of the rare ones what targets ask for (Grave et al.
 * 2017). The head tells the first classes and the clusters of the others; a cluster, the tail, is told by a softmax of its
 * own over fewer features. Parameters, their names and sums are those of PyTorch's AdaptiveLogSoftmaxWithLoss:
 * `head.weight` [cutoffs[0] + tails, input], `head.bias`, `tail.i.0.weight` [features of i, input], `tail.i.1.weight`.
 *
 * Which rows go to which tail is decided before they are sent to a device, so targets are plain numbers.
 */
export class AdaptiveSoftmax extends Module {
  /** Scores of the first classes, and of the clusters behind them. */
  readonly head: Linear
  /** Of each cluster what narrows its input, and the scores of its classes. */
  readonly tail: readonly (readonly [Linear, Linear])[]
  /** Where clusters begin. */
  readonly cutoffs: readonly number[]
  /** What its products are computed in. */
  readonly precision: LinearPrecision

  /** `ERR_ARGUMENT` for cutoffs that part no classes, and for a tail that would have no features. */
  constructor(
    /** Features of its input. */
    readonly input: number,
    /** How many classes there are. */
    readonly classes: number,
    options: AdaptiveSoftmaxOptions,
  ) {
    super()
    const op = 'adaptiveSoftmax'
    const { cutoffs, divisor = 4, headBias = false } = optionsOf(op, options, NAMES)
    const { precision = 'f32', device, init } = options
    checkSizes(op, { input, classes }, () => input * classes)
    const tails = tailsOf(classes, cutoffs)
    checkFlag(op, 'headBias', headBias)
    checkLinear(op, precision)
    checkInit(op, init)
    const least = divisor > 0 ? Math.floor(input / divisor ** tails.length) : 0
    const limit = Math.floor(100 * input ** (1 / tails.length)) / 100
    const most = `a number above 0 and at most ${limit}, so that the last cluster has one of ${input} features`
    expect(op, 'divisor', typeof divisor === 'number' && least >= 1, most, divisor)
    const features = tails.map((_, i) => Math.floor(input / divisor ** (i + 1)))
    checkSizes(op, { input, divisor: 1 }, () => Math.max(...features) * Math.max(input, classes))
    const layer = { device, precision, init }
    this.cutoffs = Object.freeze([...cutoffs])
    this.precision = precision
    const shortlist = this.cutoffs[0] as number
    this.head = new Linear(input, shortlist + tails.length, { ...layer, bias: headBias })
    this.tail = tails.map((size, i) => {
      const own = features[i] as number
      const plain = { ...layer, bias: false }
      return [new Linear(input, own, plain), new Linear(own, size, plain)] as const
    })
    this.reset(seedOf(op, options))
  }

  /** Logarithms of the probabilities of all classes: [..., input] to [..., classes]. */
  forward<D extends DType>(x: Tensor<D>): Tensor<D> {
    checkFeatures('adaptiveSoftmax', x, this.input)
    return scope(() => {
      const axis = x.dims - 1
      const head = ops.logSoftmax(this.head.forward(x), -1)
      const shortlist = this.cutoffs[0] as number
      const parts = this.tail.map(([narrow, own], i) =>
        ops.add(
          ops.logSoftmax(own.forward(narrow.forward(x)), -1),
          ops.slice(head, axis, shortlist + i, 1),
        ),
      )
      return ops.concat([ops.slice(head, axis, 0, shortlist), ...parts], axis) as Tensor<D>
    })
  }

  /**
   * Nats of each target given its row of x [..., input], and 0 where it is ignored: [...]. Nothing is computed of a tail
   * that no target is in, but its projection. `ERR_INDEX` for a target that is no class.
   */
  losses(
    x: Tensor,
    targets: Int32Array | readonly number[],
    options: AdaptiveLossesOptions = {},
  ): Tensor<Real> {
    const op = 'adaptiveSoftmax'
    const { ignoreIndex = IGNORED } = optionsOf(op, options, { ignoreIndex: true })
    checkFinite(op, 'ignoreIndex', ignoreIndex)
    checkFeatures(op, x, this.input)
    const shape = x.shape.slice(0, -1)
    checkTargets(op, targets, sizeOf(shape), this.classes, ignoreIndex)
    const { device } = x
    return scope(() =>
      this.lossesOf(
        x,
        this.parts(targets, ignoreIndex).map((part) => tensor(part, shape, { device })),
      ),
    )
  }

  /**
   * @internal Of targets, valid ones, those of the head, where a cluster stands for its classes, and those of each tail,
   * counted from its first class and ignored (-100) elsewhere.
   */
  parts(targets: ArrayLike<number>, ignoreIndex = IGNORED): Int32Array[] {
    const { cutoffs } = this
    const shortlist = cutoffs[0] as number
    const head = new Int32Array(targets.length)
    const tails = this.tail.map(() => new Int32Array(targets.length).fill(IGNORED))
    for (let at = 0; at < targets.length; ++at) {
      const target = targets[at] as number
      if (target === ignoreIndex || target < shortlist) {
        head[at] = target === ignoreIndex ? IGNORED : target
        continue
      }
      let tail = tails.length - 1
      while (target < (cutoffs[tail] as number)) --tail
      head[at] = shortlist + tail
      ;(tails[tail] as Int32Array)[at] = target - (cutoffs[tail] as number)
    }
    return [head, ...tails]
  }

  /** @internal {@link losses} of {@link parts}, which are on the device of x and of its shape. */
  lossesOf(x: Tensor, [head, ...tails]: readonly Tensor[]): Tensor<Real> {
    const { precision } = this
    return scope(() =>
      this.tail.reduce(
        (sum, [narrow, { weight }], i) =>
          ops.add(
            sum,
            ops.crossEntropyLosses(narrow.forward(x), tails[i] as Tensor, { weight, precision })
              .losses,
          ),
        ops.crossEntropyLosses(x, head as Tensor, { ...weightsOf(this.head), precision })
          .losses as Tensor<Real>,
      ),
    )
  }
}

const weightsOf = ({ weight, bias }: Linear) => ({ weight, bias })
