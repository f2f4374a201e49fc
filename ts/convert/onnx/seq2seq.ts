/** A Seq2Seq as two graphs: its encoder, and a step of its decoder. */
import type { Seq2SeqNetwork } from '../../models/seq2seq/network'
import { Linear, Recurrent } from '../../nn'
import type { ResidualStack } from '../../nn/residual'
import { addDecoderStep, keysOf } from './attention'
import type { Extent, GraphBuilder } from './builder'
import { NetworkGraph } from './network'
import { unsupported, type StackOutputs } from './recurrent'
import { stateInputs, stateOutputs } from './states'

const MEMORY = ['source_time', 'batch'] as const

const partsOf = (stack: Recurrent | ResidualStack): readonly Recurrent[] =>
  stack instanceof Recurrent ? [stack] : stack.stack

/** Features of the memory, of its keys (0: none), and of the summary. */
function sizesOf({ encoder, decoder, options }: Seq2SeqNetwork) {
  const [{ directions, features }] = partsOf(encoder.rnn) as readonly [Recurrent]
  const memory = directions * features
  const { weight_key: key } = decoder.attending?.attention ?? {}
  return {
    memory,
    keys: decoder.attending ? ((key?.shape[0] as number | undefined) ?? memory) : 0,
    summary: options.feedSummary ? memory : 0,
  }
}

/** The decoder's first states of a bridge; null: zeros. */
function bridged(
  net: NetworkGraph,
  { bridge, encoder, options }: Seq2SeqNetwork,
  made: StackOutputs,
): { h: string; c: string } | null {
  if (!bridge) return null
  const { graph } = net
  const parts = partsOf(encoder.rnn)
  const [{ directions }] = parts as readonly [Recurrent]
  const from = parts.reduce((n, part) => n + part.layers, 0)
  const carry = (state: string, name: 'hidden' | 'cells') => {
    if (state === '') return ''
    const layers = Array.from({ length: options.layers }, (_, layer) => {
      const source = Math.max(0, from - options.layers + layer) * directions
      const one = (i: number) => graph.slice(state, 0, source + i, source + i + 1)
      const through: Linear | undefined = bridge[name][layer]
      if (!through) return one(directions - 1)
      const all = graph.concat(
        Array.from({ length: directions }, (_, i) => one(i)),
        -1,
      )
      const y = net.linear(`bridge.${name}.${layer}`, all, through)
      return name === 'hidden' ? graph.node('Tanh', [y]) : y
    })
    return graph.concat(layers, 0)
  }
  return { h: carry(made.h, 'hidden'), c: carry(made.c, 'cells') }
}

/** Layers that attend, and those above. */
function layersOf({ decoder }: Seq2SeqNetwork): { below: number; above: number } {
  const above = decoder.rnn ? partsOf(decoder.rnn).reduce((n, part) => n + part.layers, 0) : 0
  return { below: decoder.attending?.layers.layers ?? 0, above }
}

/**
 * ids i32 [source_time, batch] (or vectors [.., features]), lengths i32 [batch] (of at least 1) to memory, keys,
 * summary, and the decoder's first states h, c, upper_h, upper_c, as far as the model has them.
 */
export async function encoderGraph(graph: GraphBuilder, network: Seq2SeqNetwork): Promise<void> {
  if (network.options.copy)
    throw unsupported(
      'model: expected a decoder without copy, whose logits are all it tells, got one with',
    )
  const net = await NetworkGraph.of(graph, network)
  const { encoder, decoder } = network
  const { embedding } = encoder
  const sizes = sizesOf(network)
  const read =
    embedding instanceof Linear
      ? graph.input('vectors', [...MEMORY, embedding.weight.shape[1] as number])
      : graph.input('ids', MEMORY, 'i32')
  const lengths = graph.input('lengths', ['batch'], 'i32')
  const x = net.positions(net.embed('encoder.embedding', read, embedding), encoder.positions)
  const made = net.stack(x, encoder.rnn, { lengths })
  if (decoder.attending) {
    graph.output('memory', made.output, [...MEMORY, sizes.memory])
    const keys = keysOf(net, decoder.attending.attention, made.output)
    graph.output('keys', keys, [...MEMORY, sizes.keys])
  }
  if (sizes.summary > 0)
    graph.output('summary', topOf(graph, made, encoder.rnn), ['batch', sizes.summary])
  const begun = bridged(net, network, made)
  if (!begun) return
  const { below, above } = layersOf(network)
  const parts: [string, number, number][] = [
    ['', 0, below],
    ['upper_', below, below + above],
  ]
  for (const [prefix, first, end] of parts)
    for (const name of ['h', 'c'] as const)
      if (end > first && begun[name] !== '') {
        const dims: Extent[] = [end - first, 'batch', 'features']
        graph.output(prefix + name, graph.slice(begun[name], 0, first, end), dims)
      }
}

/** The top layer's last states, all directions joined: [batch, features]. */
function topOf(graph: GraphBuilder, { h }: StackOutputs, stack: Recurrent | ResidualStack): string {
  const parts = partsOf(stack)
  const [{ directions }] = parts as readonly [Recurrent]
  const count = directions * parts.reduce((n, part) => n + part.layers, 0)
  const states = Array.from({ length: directions }, (_, i) =>
    graph.pick(h, 0, count - directions + i),
  )
  return graph.concat(states, -1)
}

/**
 * ids i32 [1, batch], what the encoder gives of the same rows, its lengths as memory_lengths, states (zeros at first
 * where the encoder gives none) and `fed` (zeros at first) to logits [batch, vocabulary], attention [batch,
 * source_time] and the next states. `first`, i32 [1]: steps before, where there are positions.
 */
export async function decoderGraph(graph: GraphBuilder, network: Seq2SeqNetwork): Promise<void> {
  const { decoder } = network
  const { attending, readout } = decoder
  const net = await NetworkGraph.of(graph, decoder, attending ? [attending.layers] : [])
  const sizes = sizesOf(network)
  const ids = graph.input('ids', [1, 'batch'], 'i32')
  const first = decoder.positions ? graph.input('first', [1], 'i32') : ''
  const tokens = net.embedding('decoder.embedding', ids, decoder.embedding)
  const embedded = net.positions(tokens, decoder.positions, first)
  let output = embedded
  let context = ''
  let weights = ''
  if (attending) {
    const values = graph.input('memory', [...MEMORY, sizes.memory])
    const keys = graph.input('keys', [...MEMORY, sizes.keys])
    const lengths = graph.input('memory_lengths', ['batch'], 'i32')
    const state = stateInputs(graph, attending.layers)
    const width = attending.weight_out?.shape[0] as number
    const feeds = attending.feeding === 'output'
    const fed = feeds ? graph.unsqueeze(graph.input('fed', ['batch', width]), [0]) : ''
    const memory = { values, keys, mask: net.mask(values, lengths) }
    const made = addDecoderStep(net, attending, output, memory, { ...state, fed })
    stateOutputs(graph, attending.layers, made)
    if (feeds) graph.output('next_fed', graph.squeeze(made.fed, [0]), ['batch', width])
    ;({ output, context, weights } = made)
    if (attending.feeding !== 'context') context = ''
  } else if (sizes.summary > 0) {
    const summary = graph.input('summary', ['batch', sizes.summary])
    output = graph.concat([embedded, graph.unsqueeze(summary, [0])], -1)
  }
  if (decoder.rnn) {
    const state = stateInputs(graph, decoder.rnn, 'upper')
    const made = net.stack(output, decoder.rnn, state)
    stateOutputs(graph, decoder.rnn, made, 'upper')
    output = made.output
  }
  if (readout) {
    const read = context === '' ? output : graph.concat([output, context, embedded], -1)
    output = graph.node('Tanh', [net.linear('decoder.readout', read, readout)])
  }
  const logits = graph.squeeze(net.linear('decoder.output', output, decoder.output), [0])
  graph.output('logits', logits, ['batch', decoder.output.weight.shape[0] as number])
  if (weights !== '') {
    const turned = graph.transpose(graph.squeeze(weights, [2]), [1, 0])
    graph.output('attention', turned, ['batch', 'source_time'])
  }
}
