/** What penalises parameters, once a step, whatever the batches that it is made of. */
import { expect } from '../errors'
import type { Module } from '../nn'
import * as ops from '../ops'
import { chosenParts, type Part } from '../optim/parts'
import { scope, type Tensor } from '../tensor'
import type { ParameterWeights } from './penalty-options'

interface Term {
  readonly weight: number
  readonly part: Part
}

const VALUES = { l1: ops.abs, l2: ops.square } as const
type Name = keyof typeof VALUES

/** Parts and their weights; `ERR_ARGUMENT` for a pattern that chooses nothing. */
function termsOf(module: Module, name: Name, weights: ParameterWeights): Term[] {
  const byPattern = typeof weights === 'number' ? { '*': weights } : weights
  const patterns = Object.keys(byPattern)
  const parts = chosenParts(module.namedParameters(), patterns)
  for (const [i, pattern] of patterns.entries()) {
    const found = parts.some(({ chosen }) => chosen === i)
    expect('fit', name, found, 'parts of names of parameters, not chosen before', pattern)
  }
  const terms = parts
    .map((part) => ({ weight: byPattern[patterns[part.chosen] as string] as number, part }))
    .filter(({ weight }) => weight > 0)
  const lazy = terms.find(({ part }) => part.parameter.rows !== null)?.part.name
  expect('fit', name, !lazy, 'weights of 0 for what a lazy optimizer has by rows', lazy)
  return terms
}

/** The sum of a part's absolute values or squares. */
function total(name: Name, { parameter, first, rows }: Part): Tensor {
  const whole = rows === (parameter.shape[0] ?? 1)
  return ops.sum(VALUES[name](whole ? parameter : ops.slice(parameter, 0, first, rows)))
}

export class ParameterPenalties {
  private readonly terms: readonly (readonly [Name, readonly Term[]])[]

  constructor(module: Module, options: { [K in Name]?: ParameterWeights | undefined }) {
    this.terms = (Object.keys(VALUES) as Name[])
      .map((name) => [name, termsOf(module, name, options[name] ?? 0)] as const)
      .filter(([, terms]) => terms.length > 0)
  }

  /** Adds their gradients to those of the parameters; what each adds to the loss, as scalars. */
  apply(): Record<string, Tensor> {
    const made = this.terms.map(([name, all]): [string, Tensor] | null => {
      // What is frozen is no part of what is made small.
      const terms = all.filter(({ part }) => part.parameter.requiresGrad)
      if (terms.length === 0) return null
      const penalty = scope(() => {
        const sum = terms
          .map(({ weight, part }) => ops.mul(total(name, part), weight))
          .reduce((a, b) => ops.add(a, b))
        sum.backward()
        return sum.detach()
      })
      return [name, penalty]
    })
    return Object.fromEntries(made.filter((entry) => entry !== null))
  }
}
