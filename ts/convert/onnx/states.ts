/** States of a stack as inputs and outputs of a graph. */
import { Recurrent } from '../../nn'
import type { ResidualStack } from '../../nn/residual'
import * as ops from '../../ops'
import type { Extent, GraphBuilder } from './builder'
import type { StackOutputs } from './recurrent'

/** [layers * directions, batch, ..] of h and c. */
function shapesOf(stack: Recurrent | ResidualStack): { h: Extent[]; c: Extent[] | null } {
  const parts = stack instanceof Recurrent ? [stack] : stack.stack
  const [{ directions, features, hidden, cell }] = parts as readonly [Recurrent]
  const layers = directions * parts.reduce((n, part) => n + part.layers, 0)
  return {
    h: [layers, 'batch', features],
    c: ops.hasC[cell] ? [layers, 'batch', hidden] : null,
  }
}

const named = (prefix: string, name: string) => (prefix === '' ? name : `${prefix}_${name}`)

/** Inputs `h` and `c`; c is empty where there is none. */
export function stateInputs(
  graph: GraphBuilder,
  stack: Recurrent | ResidualStack,
  prefix = '',
): { h: string; c: string } {
  const { h, c } = shapesOf(stack)
  return {
    h: graph.input(named(prefix, 'h'), h),
    c: c ? graph.input(named(prefix, 'c'), c) : '',
  }
}

/** Outputs `next_h` and `next_c`. */
export function stateOutputs(
  graph: GraphBuilder,
  stack: Recurrent | ResidualStack,
  made: Pick<StackOutputs, 'h' | 'c'>,
  prefix = '',
): void {
  const { h, c } = shapesOf(stack)
  graph.output(`next_${named(prefix, 'h')}`, made.h, h)
  if (c) graph.output(`next_${named(prefix, 'c')}`, made.c, c)
}
