/** Writes models as ONNX. */
import { checkPath } from '../../check'
import { RnnativeError } from '../../errors'
import { replaceFile } from '../../io/files'
import { TextClassifier } from '../../models/classifier/model'
import { Forecaster } from '../../models/forecaster/model'
import { LanguageModel } from '../../models/language/model'
import { Seq2Seq } from '../../models/seq2seq/model'
import { SequenceTagger } from '../../models/tagger/model'
import { Recurrent } from '../../nn'
import { GraphBuilder } from './builder'
import { forecasterGraph } from './forecaster'
import { NetworkGraph } from './network'
import { OP } from './recurrent'
import { decoderGraph, encoderGraph } from './seq2seq'
import { stateInputs, stateOutputs } from './states'
import { classifierGraph, languageGraph, taggerGraph } from './texts'

/** What can be written. */
export type OnnxSource =
  Recurrent | LanguageModel | TextClassifier | SequenceTagger | Forecaster | Seq2Seq

type Build = (graph: GraphBuilder) => Promise<void>

/** x [time, batch, input], lengths i32 [batch], h, c to output, next_h, next_c. */
async function stackGraph(graph: GraphBuilder, stack: Recurrent): Promise<void> {
  const net = await NetworkGraph.of(graph, stack)
  const x = graph.input('x', ['time', 'batch', stack.input])
  const lengths = graph.input('lengths', ['batch'], 'i32')
  const made = net.stack(x, stack, { ...stateInputs(graph, stack), lengths })
  graph.output('output', made.output, ['time', 'batch', stack.directions * stack.features])
  stateOutputs(graph, stack, made)
}

/** What is written of a model, by what stands before `.onnx`. */
function graphsOf(model: unknown): Record<string, Build> {
  if (model instanceof Recurrent) return { '': (graph) => stackGraph(graph, model) }
  if (model instanceof LanguageModel) return { '': (graph) => languageGraph(graph, model.network) }
  if (model instanceof TextClassifier)
    return { '': (graph) => classifierGraph(graph, model.network) }
  if (model instanceof SequenceTagger) return { '': (graph) => taggerGraph(graph, model.network) }
  if (model instanceof Forecaster) return { '': (graph) => forecasterGraph(graph, model) }
  if (model instanceof Seq2Seq)
    return {
      '.encoder': (graph) => encoderGraph(graph, model.network),
      '.decoder': (graph) => decoderGraph(graph, model.network),
    }
  const name = (model as object | null)?.constructor?.name ?? String(model)
  throw new RnnativeError(
    'ERR_UNSUPPORTED',
    `[${OP}] model: expected a recurrent layer, LanguageModel, TextClassifier, SequenceTagger, Forecaster or Seq2Seq, got ${name}`,
  )
}

/**
 * Writes what a model computes in evaluation as an ONNX model (opset 17), of a `Seq2Seq` two: `NAME.encoder.onnx` and a
 * step of its decoder, `NAME.decoder.onnx`. Inputs and outputs: docs/onnx.md. Gives the paths. `ERR_UNSUPPORTED` for
 * what ONNX cannot express. Needs `protobufjs`.
 */
export async function writeOnnx(path: string, model: OnnxSource): Promise<string[]> {
  checkPath(OP, 'path', path)
  const base = path.replace(/\.onnx$/, '')
  const files: [string, Uint8Array][] = []
  for (const [part, build] of Object.entries(graphsOf(model))) {
    const graph = new GraphBuilder()
    await build(graph)
    files.push([part === '' ? path : `${base}${part}.onnx`, graph.encode(OP, 'rnnative')])
  }
  for (const [file, bytes] of files) await replaceFile(file, (to) => to.writeFile(bytes))
  return files.map(([file]) => file)
}
