/** Language models, classifiers and taggers as graphs. */
import type { ClassifierNetwork } from '../../models/classifier/network'
import type { LanguageNetwork } from '../../models/language/network'
import type { TaggerNetwork } from '../../models/tagger/network'
import { AdaptiveSoftmax, Embedding, Linear, Recurrent } from '../../nn'
import type { AttentionPooling, Module } from '../../nn'
import type { GraphBuilder } from './builder'
import { NetworkGraph } from './network'
import { unsupported, type StackOutputs } from './recurrent'
import { stateInputs, stateOutputs } from './states'

/** ids i32 [time, batch], h, c (and `first`, i32 [1], where there are positions) to logits, next_h, next_c. */
export async function languageGraph(graph: GraphBuilder, network: LanguageNetwork): Promise<void> {
  const net = await NetworkGraph.of(graph, network)
  const { embedding, positions, rnn, output } = network
  if (output instanceof AdaptiveSoftmax)
    throw unsupported('softmax: an adaptive one is not written')
  const ids = graph.input('ids', ['time', 'batch'], 'i32')
  const first = positions ? graph.input('first', [1], 'i32') : ''
  const state = stateInputs(graph, rnn)
  const x = net.positions(net.embedding('embedding', ids, embedding), positions, first)
  const made = net.stack(x, rnn, state)
  const vocabulary = output.weight.shape[0] as number
  graph.output('logits', net.linear('output', made.output, output), ['time', 'batch', vocabulary])
  stateOutputs(graph, rnn, made)
}

/** Of the steps of a text one vector. */
function pooled(
  net: NetworkGraph,
  how: 'mean' | 'max' | 'last',
  steps: string,
  { mask, lengths }: { mask: string; lengths: string },
): string {
  const { graph } = net
  if (how === 'max') return net.max(net.lowered(steps, mask), 0)
  const ends = net.int64(lengths)
  if (how === 'mean') {
    const counts = graph.unsqueeze(net.float(ends), [1])
    return graph.node('Div', [net.sum(net.masked(steps, mask), 0), counts])
  }
  const last = graph.unsqueeze(graph.node('Sub', [ends, graph.ints([1])]), [0, 2])
  const at = graph.node('Equal', [graph.unsqueeze(net.steps(steps), [1, 2]), last])
  return net.sum(net.masked(steps, at), 0)
}

function attentionPooled(
  net: NetworkGraph,
  { weight, bias, v }: AttentionPooling,
  steps: string,
  mask: string,
): string {
  const { graph } = net
  const hidden = graph.node('Tanh', [net.affine('attention', steps, weight, bias)])
  const query = graph.reshape(net.weight('attention.v', v), [v.shape[0] as number, 1])
  const scores = net.lowered(graph.node('MatMul', [hidden, query]), mask)
  return net.sum(graph.node('Mul', [net.softmax(scores, 0), steps]), 0)
}

/** Steps that attend to all steps by the products of their outputs. */
function selfAttended(net: NetworkGraph, output: string, mask: string): string {
  const { graph } = net
  const rows = graph.transpose(output, [1, 0, 2])
  const products = graph.node('MatMul', [rows, graph.transpose(output, [1, 2, 0])])
  const keys = graph.transpose(mask, [1, 2, 0])
  const weights = net.softmax(net.lowered(products, keys), 2)
  const context = graph.transpose(graph.node('MatMul', [weights, rows]), [1, 0, 2])
  return net.masked(context, mask)
}

/** The last states of the top layer's directions, joined. */
export function topStates(graph: GraphBuilder, { h }: StackOutputs, rnn: Recurrent): string {
  const { layers, directions } = rnn
  const first = (layers - 1) * directions
  const states = Array.from({ length: directions }, (_, i) => graph.pick(h, 0, first + i))
  return graph.concat(states, -1)
}

/** ids i32 [time, texts], lengths i32 [texts] (of at least 1) to logits [examples, outputs]. */
export async function classifierGraph(
  graph: GraphBuilder,
  network: ClassifierNetwork,
): Promise<void> {
  const net = await NetworkGraph.of(graph, network)
  const { embedding, positions, rnn, output, cuts, options } = network
  const ids = graph.input('ids', ['time', 'texts'], 'i32')
  const lengths = graph.input('lengths', ['texts'], 'i32')
  const x = net.positions(net.embedding('embedding', ids, embedding), positions)
  const made = net.stack(x, rnn, { lengths })
  const mask = net.mask(x, lengths)
  const steps = options.selfAttention ? selfAttended(net, made.output, mask) : made.output
  const parts = options.pooling.map((how) => {
    if (how === 'attention')
      return attentionPooled(net, network.attention as AttentionPooling, steps, mask)
    if (how === 'last' && !options.selfAttention) return topStates(graph, made, rnn)
    return pooled(net, how, steps, { mask, lengths })
  })
  const features = output.weight.shape[1] as number
  const examples = graph.reshape(graph.concat(parts, -1), [-1, features])
  const line = net.linear('output', examples, output)
  if (!cuts) {
    graph.output('logits', line, ['examples', output.weight.shape[0] as number])
    return
  }
  let sum = 0
  const thresholds = net
    .valuesOf(cuts.steps)
    .map((step, i) => (sum = i === 0 ? step : sum + Math.exp(step)))
  const at = graph.weight('cuts', thresholds, [thresholds.length])
  graph.output('logits', graph.node('Sub', [line, at]), ['examples', thresholds.length])
}

/** Vectors of distinct words: letters i32 [letters, words], word_lengths i32 [words]. */
function spelt(net: NetworkGraph, letters: Module): string {
  const { graph } = net
  const modules = Array.from(letters.namedModules(), ([, module]) => module)
  const embedding = modules.find((module) => module instanceof Embedding) as Embedding
  const ids = graph.input('letters', ['letters', 'words'], 'i32')
  const lengths = graph.input('word_lengths', ['words'], 'i32')
  const x = net.embedding('letters.embedding', ids, embedding)
  const rnn = modules.find((module) => module instanceof Recurrent)
  if (rnn) return topStates(graph, net.stack(x, rnn, { lengths }), rnn)
  const output = modules.find((module) => module instanceof Linear) as Linear
  const mask = net.mask(x, lengths)
  const known = net.masked(x, mask)
  const around = graph.node('Pad', [known, graph.ints([1, 0, 0, 1, 0, 0])])
  const beside = graph.concat(
    [graph.slice(around, 0, 0, -2), known, graph.slice(around, 0, 2, 2 ** 31)],
    -1,
  )
  return pooled(net, 'max', net.linear('letters.output', beside, output), { mask, lengths })
}

/**
 * words i32 [time, batch], lengths i32 [batch], and as the model has them shapes i32 [time, batch]; which i32 [time,
 * batch] of the distinct words each is, whose letters are given; to emissions [time, batch, tags].
 */
export async function taggerGraph(graph: GraphBuilder, network: TaggerNetwork): Promise<void> {
  const net = await NetworkGraph.of(graph, network)
  const ids = graph.input('words', ['time', 'batch'], 'i32')
  const lengths = graph.input('lengths', ['batch'], 'i32')
  const parts = [net.embedding('words', ids, network.words)]
  if (network.shapes) {
    const shapes = graph.input('shapes', ['time', 'batch'], 'i32')
    parts.push(net.embedding('shapes', shapes, network.shapes))
  }
  if (network.letters) {
    const which = graph.input('which', ['time', 'batch'], 'i32')
    parts.push(graph.node('Gather', [spelt(net, network.letters), which]))
  }
  const { output } = net.stack(graph.concat(parts, -1), network.rnn, { lengths })
  const scores = net.linear('output', output, network.output)
  const emissions = network.field
    ? scores
    : graph.node('LogSoftmax', [scores], { axis: { int: -1 } })
  const tags = network.output.weight.shape[0] as number
  graph.output('emissions', emissions, ['time', 'batch', tags])
}
