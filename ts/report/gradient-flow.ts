import { isObject } from '../check'
import { expect } from '../errors'
import { Module } from '../nn'
import { unrolling, type UnrolledLayer } from '../nn/unrolled'
import * as ops from '../ops'
import { noGrad, scope, Tensor, zeros } from '../tensor'

/** What reaches the states of a layer and direction in a backward pass, by step. */
export interface GradientFlow {
  /** As its parameters are named: `rnn.l0`, `encoder.l1_reverse`. */
  name: string
  /** |dL/dh_t| over the batch, h_t being what step t gives the next one and the layers above. */
  h: number[]
  /** |dL/dc_t|, of a cell that has a c. */
  c?: number[]
  /** Of a plain RNN: the largest singular value of R. Its activations' slope is at most 1. */
  eta?: number
  /**
   * Of a plain RNN: the sum over k >= t of |∂L/∂h_k| η^(k-t), where ∂ is what step k adds by its own output. No
   * gradient is above it (Pascanu et al. 2013): what comes from far steps vanishes where η < 1, and may
   * explode only where η > 1.
   */
  bound?: number[]
}

/** What can compute a loss of data by itself, as models and a Trainer can. */
export interface HasLoss<D> {
  /** @internal The module, and its loss: called within a scope, in evaluation. */
  lossOf(data: D): Promise<{ module: Module; loss: () => Tensor }>
}

/** A call of a stack, its norms enqueued: [time] each. */
interface Measured {
  name: string
  h: Tensor
  c: Tensor | null
  direct: Tensor | null
  eta: Tensor | null
  backward: boolean
}

/**
 * The norms of a loss's gradients by the states of every recurrent stack in a model. `model` is one of the models
 * here, with data as its `fit` takes (of a text the first 200 tokens, of pairs the first batch); a Trainer, with a
 * feed, whose first batch it is; or a module, with a function that calls it and gives a scalar loss. It is in
 * evaluation meanwhile; its parameters and their gradients stay as they are. Stacks are run a step at a time: a
 * fused decoder with attention is none of them. Throws `ERR_ARGUMENT`.
 */
export async function gradientFlow<D>(
  model: Module | HasLoss<D>,
  data: NoInfer<D> | (() => Tensor),
): Promise<GradientFlow[]> {
  const { module, loss } = await lossOf(model, data)
  const measured = inEvaluation(module, () => scope(() => measure(module, loss)))
  const read = async (tensor: Tensor) => Array.from(await tensor.data(), Number)
  const flows: GradientFlow[] = []
  try {
    for (const { name, h, c, direct, eta, backward } of measured) {
      const flow: GradientFlow = { name, h: await read(h), ...(c && { c: await read(c) }) }
      if (direct && eta) {
        flow.eta = (await read(eta))[0] as number
        flow.bound = boundOf(await read(direct), flow.eta, backward)
      }
      flows.push(flow)
    }
  } finally {
    for (const { h, c, direct, eta } of measured)
      for (const tensor of [h, c, direct, eta]) tensor?.dispose()
  }
  return flows
}

async function lossOf<D>(model: Module | HasLoss<D>, data: D | (() => Tensor)) {
  const op = 'gradientFlow'
  if (model instanceof Module) {
    expect(op, 'data', typeof data === 'function', 'a function that gives a loss', data)
    return { module: model, loss: data as () => Tensor }
  }
  const given: unknown = model
  const able = isObject(given) && typeof given['lossOf'] === 'function'
  expect(op, 'model', able, 'a model, a Trainer or an nn.Module', model)
  return model.lossOf(data as D)
}

/** Its parameters then get no gradients: only what is watched does. */
function inEvaluation<T>(module: Module, body: () => T): T {
  const learning = module.parameters().filter((parameter) => parameter.requiresGrad)
  const modes = Array.from(module.namedModules(), ([, part]) => [part, part.training] as const)
  module.eval()
  for (const parameter of learning) parameter.requiresGrad = false
  try {
    return body()
  } finally {
    for (const parameter of learning) parameter.requiresGrad = true
    for (const [part, training] of modes) part.train(training) // a part's own last
  }
}

function measure(module: Module, loss: () => Tensor): Measured[] {
  const { result, layers } = unrolling(loss)
  const scalar = result instanceof Tensor && result.size === 1
  expect('gradientFlow', 'loss', scalar, 'a scalar tensor', result)
  expect('gradientFlow', 'model', layers.length > 0, 'a module that runs recurrent stacks', 'none')
  result.backward()
  return noGrad(() => layers.map((layer) => measureLayer(module, layer)))
}

function measureLayer(module: Module, layer: UnrolledLayer): Measured {
  const { cell, weightHidden, output, h, c, ends, backward } = layer
  const norm = (parts: readonly (Tensor | null)[]) => {
    const [a, b] = parts.filter((part) => part !== null)
    const all = a && b ? ops.add(a, b) : a
    return all ? ops.sqrt(ops.sum(ops.square(all))) : zeros([], { device: weightHidden.device })
  }
  const gradient = (leaves: readonly Tensor[], t: number) => leaves[t]?.grad ?? null
  const byTime = (of: (t: number) => Tensor) => ops.stack(output.map((_, t) => of(t)))
  /** Past the steps, the final states pass gradients on to the last ones. */
  const final = (t: number) => {
    const [dh, end] = [gradient(h, t), ends[t]]
    if (dh === null || end === false) return null
    return end instanceof Tensor ? ops.mul(dh, end) : dh
  }
  const plain = ops.gatesOf[cell] === 1
  return {
    name: nameOf(module, weightHidden),
    h: byTime((t) => norm([gradient(output, t), gradient(h, t)])),
    c: c.length > 0 ? byTime((t) => norm([gradient(c, t)])) : null,
    direct: plain ? byTime((t) => ops.add(norm([gradient(output, t)]), norm([final(t)]))) : null,
    eta: plain ? largestSingularValue(weightHidden) : null,
    backward,
  }
}

function nameOf(module: Module, weight: Tensor): string {
  for (const [name, parameter] of module.namedParameters())
    if (parameter === weight) return name.replace('weight_hh_', '')
  return 'recurrent'
}

const ITERATIONS = 100
/** A weight of zeros stays one. */
const TINY = 1e-30

/** By the power method on R'R. */
function largestSingularValue(weight: Tensor): Tensor {
  const transposed = ops.transpose(weight)
  let v: Tensor = ops.slice(weight, 0, 0, 1)
  for (let i = 0; i < ITERATIONS; ++i) {
    const next = ops.matmul(ops.matmul(v, transposed), weight)
    v = ops.div(next, ops.affine(ops.sqrt(ops.sum(ops.square(next))), 1, TINY))
  }
  return ops.sqrt(ops.sum(ops.square(ops.matmul(v, transposed))))
}

function boundOf(direct: readonly number[], eta: number, backward: boolean): number[] {
  const bound: number[] = []
  let after = 0
  for (let i = 0; i < direct.length; ++i) {
    const t = backward ? i : direct.length - 1 - i
    after = (direct[t] as number) + eta * after
    bound[t] = after
  }
  return bound
}
