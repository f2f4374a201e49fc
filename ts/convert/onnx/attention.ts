/** Attention, and steps of the decoder that attends. */
import type { Attention, AttentionDecoder, Parameter } from '../../nn'
import type { NetworkGraph } from './network'

/** What is attended to: [time, batch, ..], and which of it counts, bool [time, batch, 1]. */
export interface Memory {
  values: string
  keys: string
  mask: string
}

/** Queries [1, batch, A] of a step: context [1, batch, values], weights [time, batch, 1]. */
function attend(
  net: NetworkGraph,
  attention: Attention,
  query: string,
  { values, keys, mask }: Memory,
): { context: string; weights: string } {
  const { graph } = net
  const asked = attention.weight_query
    ? net.product('attention.weight_query', query, attention.weight_query)
    : query
  let scores: string
  if (attention.v) {
    const size = attention.v.shape[0] as number
    const hidden = graph.node('Tanh', [graph.add2(keys, asked)])
    const v = graph.reshape(net.weight('attention.v', attention.v), [size, 1])
    scores = graph.node('MatMul', [hidden, v])
  } else {
    scores = net.sum(graph.node('Mul', [keys, asked]), 2, 1)
    if (attention.score === 'scaled_dot') {
      const size = attention.weight_key?.shape[0] ?? 0
      scores = graph.node('Mul', [scores, scale(net, keys, size)])
    }
  }
  const weights = net.softmax(net.lowered(scores, mask), 0)
  return { context: net.sum(graph.node('Mul', [weights, values]), 0, 1), weights }
}

/** 1 / sqrt(size), the size being that of the last axis where it is not known. */
function scale(net: NetworkGraph, keys: string, size: number): string {
  if (size > 0) return net.graph.number(1 / Math.sqrt(size))
  const last = net.graph.pick(net.graph.node('Shape', [keys]), 0, 2)
  const root = net.graph.node('Sqrt', [net.float(last)])
  return net.graph.node('Div', [net.graph.number(1), root])
}

/** Keys of a memory. */
export const keysOf = (net: NetworkGraph, attention: Attention, memory: string): string =>
  attention.weight_key ? net.product('attention.weight_key', memory, attention.weight_key) : memory

export interface DecoderStep {
  /** [1, batch, ..] */
  output: string
  context: string
  /** [time, batch, 1] */
  weights: string
  h: string
  c: string
  /** h~ where it is fed; else empty. */
  fed: string
}

/** A step of a decoder: x [1, batch, input]; h, c [layers, batch, hidden]; fed [1, batch, output]. */
export function addDecoderStep(
  net: NetworkGraph,
  decoder: AttentionDecoder,
  x: string,
  memory: Memory,
  { h, c, fed }: { h: string; c: string; fed: string },
): DecoderStep {
  const { graph } = net
  const { attention, feeding, layers, weight_out: weight, bias_out: bias } = decoder
  if (feeding === 'context') {
    const top = graph.slice(h, 0, layers.layers - 1, layers.layers)
    const { context, weights } = attend(net, attention, top, memory)
    const made = net.stack(graph.concat([x, context], 2), layers, { h, c })
    return { ...made, context, weights, fed: '' }
  }
  const read = feeding === 'output' ? graph.concat([x, fed], 2) : x
  const made = net.stack(read, layers, { h, c })
  const { context, weights } = attend(net, attention, made.output, memory)
  const both = graph.concat([context, made.output], 2)
  const output = graph.node('Tanh', [net.affine('out', both, weight as Parameter, bias)])
  return { ...made, output, context, weights, fed: feeding === 'output' ? output : '' }
}
