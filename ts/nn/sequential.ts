import { optionsOf } from '../check'
import { expect, RnnativeError } from '../errors'
import type { Integers } from '../ops'
import { Tensor } from '../tensor'
import { Module } from './module'

/** Options of {@link Sequential}'s `forward`. */
export interface SequentialOptions {
  /** Steps of each sequence; every layer and function is given them. All unless given. */
  lengths?: Integers | null | undefined
}

/** A module, or a function of a tensor. Of `{ output, ... }`, as of an LSTM, the output goes on. */
export type Step =
  | (Module & { forward(x: Tensor, options?: object): Tensor | { readonly output: Tensor } })
  | ((x: Tensor, options: SequentialOptions) => Tensor)

/** Disposes the tensors of a result, but the one that goes on. */
function disposeOthers(result: object, kept: Tensor): void {
  for (const value of Object.values(result) as unknown[])
    if (value instanceof Tensor) {
      if (value !== kept) value.dispose()
    } else if (typeof value === 'object' && value !== null) disposeOthers(value, kept)
}

function noTensor(step: number, made: unknown): never {
  expect('sequential', `step ${step}`, false, 'a result that is a tensor or has an output', made)
  throw new RnnativeError('ERR_INTERNAL', '[sequential] no tensor')
}

/**
 * Steps one after another. Parameters are named by the place of their module (`0.weight`), as
 * PyTorch's. What a step makes is disposed once the next has read it.
 *
 * ```ts
 * const classifier = new nn.Sequential(
 *   new nn.Embedding(5000, 64),
 *   new nn.LSTM({ input: 64, hidden: 128, bidirectional: true }),
 *   (x, { lengths }) => ops.poolTime(x, 'max', lengths),
 *   new nn.Dropout(0.5),
 *   new nn.Linear(256, 6),
 * )
 * const logits = classifier.forward(ids, { lengths })
 * ```
 */
export class Sequential extends Module {
  /** The modules and functions, in order. */
  readonly steps: readonly Step[]

  constructor(...steps: Step[]) {
    super()
    if (steps.length === 0)
      throw new RnnativeError('ERR_EMPTY', '[sequential] expected at least one step, got none')
    steps.forEach((step, i) => {
      const valid = typeof step === 'function' || step instanceof Module
      expect('sequential', `step ${i}`, valid, 'a module or a function', step)
    })
    this.steps = steps
  }

  protected override *members(): Iterable<[string, Module]> {
    for (const [i, step] of this.steps.entries()) if (step instanceof Module) yield [`${i}`, step]
  }

  /** What the last step makes of x. */
  forward(x: Tensor, options: SequentialOptions = {}): Tensor {
    optionsOf('sequential', options, { lengths: true })
    let current = x
    for (const step of this.steps) {
      const made = step instanceof Module ? step.forward(current, options) : step(current, options)
      const next = made instanceof Tensor ? made : (made as { output?: Tensor } | undefined)?.output
      if (!(next instanceof Tensor)) return noTensor(this.steps.indexOf(step), made)
      if (made !== next) disposeOthers(made, next)
      if (current !== x && current !== next) current.dispose()
      current = next
    }
    return current
  }
}
