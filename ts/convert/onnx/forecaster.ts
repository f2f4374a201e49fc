/** Forecasters as graphs: numbers in and out are normed, as the model norms them. */
import type { Forecaster } from '../../models/forecaster/model'
import type { ForecasterNetwork } from '../../models/forecaster/network'
import type { AttentionDecoder, Linear, Recurrent } from '../../nn'
import * as ops from '../../ops'
import { addDecoderStep, keysOf, type DecoderStep } from './attention'
import type { GraphBuilder } from './builder'
import { NetworkGraph } from './network'
import { stateInputs, stateOutputs } from './states'
import { topStates } from './texts'

/** What a recurrence begins with: of categories, i32 [categories, batch], or nothing. */
function begin(
  net: NetworkGraph,
  { static: of, rnn }: ForecasterNetwork,
): { h: string; c: string } {
  if (!of) return { h: '', c: '' }
  const { graph } = net
  const ids = graph.input('categories', [of.tables.length, 'batch'], 'i32')
  const vectors = of.tables.map((table, i) =>
    net.embedding(`static.tables.${i}`, graph.pick(ids, 0, i), table),
  )
  const all = graph.node('Tanh', [
    net.linear('static.output', graph.concat(vectors, -1), of.output),
  ])
  const apart = graph.reshape(all, [0, rnn.layers, rnn.features])
  const h = graph.transpose(apart, [1, 0, 2])
  // As many zeros, where there is a c: it is as wide, as h has no projection here.
  const c = ops.hasC[rnn.cell] ? graph.node('Mul', [h, graph.number(0)]) : ''
  return { h, c }
}

type Options = Forecaster['options']

interface Parts {
  net: NetworkGraph
  network: ForecasterNetwork
  options: Options
}

/** past [time, batch, features], lengths i32 [batch], future [batch, ..] to forecast [batch, ..]. */
function direct({ net, network }: Parts): void {
  const { graph } = net
  const { rnn, head } = network
  const past = graph.input('past', ['time', 'batch', rnn.input])
  const lengths = graph.input('lengths', ['batch'], 'i32')
  const made = net.stack(past, rnn, { ...begin(net, network), lengths })
  const state = topStates(graph, made, rnn)
  const [outputs, width] = head.weight.shape as [number, number]
  const known = width - rnn.features
  const read =
    known > 0 ? graph.concat([state, graph.input('future', ['batch', known])], -1) : state
  graph.output('forecast', net.linear('head', read, head), ['batch', outputs])
}

/** past and lengths as above, future [horizon, batch, features] to forecast [horizon, batch, ..]. */
function seq2seq({ net, network, options }: Parts): void {
  const { graph } = net
  const { rnn, head } = network
  const decoder = network.decoder as AttentionDecoder
  const { horizon } = options
  const past = graph.input('past', ['time', 'batch', rnn.input])
  const lengths = graph.input('lengths', ['batch'], 'i32')
  const read = net.stack(past, rnn, { ...begin(net, network), lengths })
  const fedWidth = decoder.weight_out?.shape[0] as number
  const input = decoder.layers.input - (decoder.feeding === 'output' ? fedWidth : 0)
  const future = graph.input('future', [horizon, 'batch', input])
  const memory = {
    values: read.output,
    keys: keysOf(net, decoder.attention, read.output),
    mask: net.mask(past, lengths),
  }
  const rows = graph.slice(graph.node('Shape', [past]), 0, 1, 2)
  const shape = graph.concat([graph.ints([1]), rows, graph.ints([fedWidth])], 0)
  let state = { h: read.h, c: read.c, fed: graph.node('Expand', [graph.number(0), shape]) }
  const outputs: string[] = []
  for (let step = 0; step < horizon; ++step) {
    const x = graph.slice(future, 0, step, step + 1)
    const made: DecoderStep = addDecoderStep(net, decoder, x, memory, state)
    outputs.push(made.output)
    state = made
  }
  const forecast = net.linear('head', graph.concat(outputs, 0), head)
  graph.output('forecast', forecast, [horizon, 'batch', head.weight.shape[0] as number])
}

/** past [time, batch, features], h, c to parameters [time, batch, ..], next_h, next_c: step after step. */
function chain({ net, network }: Parts): void {
  const { graph } = net
  const { rnn, head } = network
  const past = graph.input('past', ['time', 'batch', rnn.input])
  const state = stateInputs(graph, rnn)
  const made = net.stack(past, rnn, state)
  const parameters = head.weight.shape[0] as number
  graph.output('parameters', net.linear('head', made.output, head), ['time', 'batch', parameters])
  stateOutputs(graph, rnn, made)
}

/** As many copies of each state as there are more queries than rows. */
function copied(net: NetworkGraph, state: string, copies: string): string {
  if (state === '') return ''
  const { graph } = net
  const repeats = graph.concat([graph.ints([1]), copies, graph.ints([1])], 0)
  return graph.node('Tile', [state, repeats])
}

/** past [segments, batch, ..], queries i32 [1, batch * pieces], future [1, batch * pieces, ..] to forecast. */
function segments({ net, network }: Parts): void {
  const { graph } = net
  const { rnn, head, queries, ahead } = network
  const embed = network.embed as Linear
  const past = graph.input('past', ['time', 'batch', embed.weight.shape[1] as number])
  const embedded = graph.node('Relu', [net.linear('embed', past, embed)])
  const read = net.stack(embedded, rnn, begin(net, network))
  const ids = graph.input('queries', [1, 'asked'], 'i32')
  const extent = (x: string) => graph.slice(graph.node('Shape', [x]), 0, 1, 2)
  const copies = graph.node('Div', [extent(ids), extent(past)])
  const { position, channel } = queries as NonNullable<typeof queries>
  const [pieces, half] = position.shape as [number, number]
  const [channels, rest] = channel.shape as [number, number]
  const table = new Float32Array(pieces * channels * (half + rest))
  const [at, of] = [net.valuesOf(position), net.valuesOf(channel)]
  for (let i = 0; i < pieces * channels; ++i) {
    const [piece, one] = [Math.floor(i / channels), i % channels]
    table.set(at.subarray(piece * half, (piece + 1) * half), i * (half + rest))
    table.set(of.subarray(one * rest, (one + 1) * rest), i * (half + rest) + half)
  }
  const rows = graph.weight('queries', table, [pieces * channels, half + rest])
  let asked = graph.node('Gather', [rows, ids])
  if (ahead) {
    const future = graph.input('future', [1, 'asked', ahead.weight.shape[1] as number])
    asked = graph.add2(asked, net.linear('ahead', future, ahead))
  }
  const made = net.stack(asked, rnn, {
    h: copied(net, read.h, copies),
    c: copied(net, read.c, copies),
  })
  const outputs = head.weight.shape[0] as number
  graph.output('forecast', net.linear('head', made.output, head), [1, 'asked', outputs])
}

const GRAPHS = { direct, seq2seq, deepar: chain, segments }

export async function forecasterGraph(graph: GraphBuilder, model: Forecaster): Promise<void> {
  const { network, options } = model
  const hidden: Recurrent[] = network.decoder ? [network.decoder.layers] : []
  const net = await NetworkGraph.of(graph, network, hidden)
  GRAPHS[options.model]({ net, network, options })
}
