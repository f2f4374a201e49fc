import { checkWhole, isObject, optionsOf, type Names } from '../check'
import { expect } from '../errors'
import * as ops from '../ops'
import { scope, tensor, type Parameter, type Real, type Tensor, type TypedArray } from '../tensor'
import { randomUniforms, type NativeRandom } from '../tensor/random'
import { sizeOf, type Shape } from '../tensor/shape'
import { Linear, type LinearOptions } from './layers'
import { checkFeatures, checkTargets } from './targets'

/** Options of a {@link SampledSoftmax}. */
export interface SampledSoftmaxOptions extends LinearOptions {
  /** Classes that are drawn for a step, distinct ones; at most half of all. */
  samples: number
}

const NAMES: Names<SampledSoftmaxOptions> = {
  ...{ device: true, seed: true, init: true, bias: true, precision: true, samples: true },
}

/** Uniform numbers that are drawn at a time. */
const AT_ONCE = 1 << 12

/** Distinct classes, and how many draws it took to have as many. */
export interface Candidates {
  readonly ids: Int32Array
  readonly tries: number
}

/**
 * Draws classes as frequent as words are: the n-th with the probability log((n + 2) / (n + 1)) / log(classes + 1), so that
 * frequent ones come first (Zipf's law).
 */
export class LogUniform {
  /** In which call a class was drawn last. */
  private readonly drawn: Int32Array
  private calls = 0

  constructor(readonly classes: number) {
    this.drawn = new Int32Array(classes)
  }

  /** So many distinct ones, a function of `random` alone. */
  draw(count: number, random: NativeRandom): Candidates {
    const { classes, drawn } = this
    if (++this.calls === 2 ** 31 - 1) {
      drawn.fill(0)
      this.calls = 1
    }
    const ids = new Int32Array(count)
    const range = Math.log(classes + 1)
    let [found, tries] = [0, 0]
    for (let part = 0; found < count; ++part) {
      const uniforms = randomUniforms({ ...random, sampleBase: part }, AT_ONCE)
      for (let i = 0; i < AT_ONCE && found < count; ++i, ++tries) {
        const id = Math.min(classes, Math.floor(Math.exp((uniforms[i] as number) * range))) - 1
        if (drawn[id] === this.calls) continue
        drawn[id] = this.calls
        ids[found++] = id
      }
    }
    return { ids, tries }
  }

  /** The logarithm of how often a class is expected among the distinct ones of so many draws: of its probability to be. */
  logCount(id: number, tries: number): number {
    const p = Math.log1p(1 / (id + 1)) / Math.log(this.classes + 1)
    return Math.log(-Math.expm1(tries * Math.log1p(-p)))
  }
}

/** Numbers that go to the device. */
interface Numbers {
  readonly shape: Shape
  readonly data: TypedArray
}

/**
 * A projection to many classes, the frequent ones first, that learns by a softmax over each row's target and `samples`
 * classes drawn for all rows together, by `LogUniform`. The logarithm of a class's expected count is subtracted from
 * its logit (Jean et al. 2015), and a row's own target counts once where it is among those drawn: the loss is that of
 * TensorFlow's sampled_softmax_loss. {@link forward} has the logits of all classes, to score and to decode by.
 *
 * Gradients reach the rows alone that were drawn or are targets; with a `lazy` optimizer a step touches no others.
 */
export class SampledSoftmax extends Linear {
  /** Classes that are drawn for a step. */
  readonly samples: number
  private readonly distribution: LogUniform

  constructor(input: number, classes: number, options: SampledSoftmaxOptions) {
    const { samples, ...linear } = optionsOf('sampledSoftmax', options, NAMES)
    super(input, classes, linear)
    checkWhole('sampledSoftmax', 'samples', samples, 1)
    const [half, most] = [Math.floor(classes / 2), `at most half of the ${classes} classes`]
    expect('sampledSoftmax', 'samples', samples <= half, most, samples)
    this.samples = samples
    this.distribution = new LogUniform(classes)
  }

  override get rowTables(): readonly Parameter[] {
    return [this.weight]
  }

  /**
   * Nats of each target given its row of x [..., input], over those drawn: [...]. `random` tells what is drawn; as the
   * module's masks unless given. `ERR_INDEX` for a target that is no class.
   */
  losses(
    x: Tensor,
    targets: Int32Array | readonly number[],
    options: { random?: NativeRandom | undefined } = {},
  ): Tensor<Real> {
    const op = 'sampledSoftmax'
    const { random = this.drawRandom('weight') } = optionsOf(op, options, { random: true })
    expect(op, 'random', isObject(random), 'a stream of random numbers', random)
    const [classes, input] = this.weight.shape as [number, number]
    checkFeatures(op, x, input)
    const shape = x.shape.slice(0, -1)
    checkTargets(op, targets, sizeOf(shape), classes)
    const { device } = x
    return scope(() =>
      this.lossesOf(
        x,
        this.inputs(targets, shape, random).map((made) =>
          tensor(made.data, made.shape, { device }),
        ),
      ),
    )
  }

  /**
   * @internal What {@link lossesOf} takes of targets, valid ones: themselves; what is added to their logits, minus the
   * logarithm of the expected count, or -Infinity of those that were drawn; where each is among its row's choices, 0 or 1
   * and its place among those drawn; those drawn; and what is added to their logits.
   */
  inputs(targets: ArrayLike<number>, shape: Shape, random: NativeRandom): Numbers[] {
    const { distribution, samples } = this
    const { ids, tries } = distribution.draw(samples, random)
    const shiftOf = (id: number) => -distribution.logCount(id, tries)
    const choices = new Map(Array.from(ids, (id, place) => [id, 1 + place]))
    const all = Int32Array.from(targets)
    return [
      { shape, data: all },
      { shape, data: Float64Array.from(all, (id) => (choices.has(id) ? -Infinity : shiftOf(id))) },
      { shape, data: all.map((id) => choices.get(id) ?? 0) },
      { shape: [samples], data: ids },
      { shape: [samples], data: Float64Array.from(ids, shiftOf) },
    ]
  }

  /** @internal {@link losses} of {@link inputs} on the device of x. */
  lossesOf(x: Tensor, given: readonly Tensor[]): Tensor<Real> {
    const [targets, targetShifts, places, ids, shifts] = given as Five
    const { weight, bias, precision } = this
    return scope(() => {
      const table = bias && ops.reshape(bias, [bias.size, 1])
      const biasOf = (of: Tensor, shift: Tensor) =>
        table ? ops.add(ops.reshape(ops.embedding(of, table), of.shape), shift) : shift
      const drawn = ops.linear(x, ops.embedding(ids, weight), biasOf(ids, shifts), { precision })
      const product = ops.sum(ops.mul(x, ops.embedding(targets, weight)), -1)
      const own = ops.add(product, biasOf(targets, targetShifts))
      const logits = ops.concat([ops.reshape(own, [...own.shape, 1]), drawn], x.dims - 1)
      return ops.crossEntropyLosses(logits, places).losses
    })
  }
}

type Five = [Tensor, Tensor, Tensor, Tensor, Tensor]
