/** A language model as a term of a search. */
import { sharedTokens } from '../../decode/terms'
import { StateModel, type StepModel, type Tensors } from '../../decode'
import { full } from '../../tensor'
import * as ops from '../../ops'
import type { Tokenizer } from '../../text'
import type { LanguageNetwork } from './network'

/** Of the begin of targets, which a search never writes: nothing is added for it. */
const NEVER = 0

/**
 * Over the tokens of `target`: a text stands between two line ends, as in `LanguageModel.score`. Logits are logarithms of
 * probabilities.
 */
export function predicting(
  network: LanguageNetwork,
  tokenizer: Tokenizer,
  target: Tokenizer,
  sources: number,
): StepModel {
  const { count, lineEnd } = sharedTokens('translate', tokenizer, target)
  const [bos, eos] = [target.begin as number, target.end as number]
  const { device } = network
  const model = new StateModel({
    ...{ vocabulary: target.size, bos, eos, device, attends: false, source: {}, state: null },
    lengths: new Array<number>(sources).fill(0),
    step: (ids, { state: before, steps }) => {
      if (network.training) network.eval() // a fit may go on between two steps
      const carried = before && { h: before['h']!, ...(before['c'] && { c: before['c'] }) }
      const read = network.forward(ids, carried, steps)
      const known = ops.logSoftmax(network.output.forward(read.output), -1)
      const [time, rows] = ids.shape as [number, number]
      const parts = [
        ops.slice(known, 2, 0, count),
        full([time, rows, 1], NEVER, { device }),
        ops.slice(known, 2, lineEnd, 1),
      ]
      const { h, c } = read.state
      const state: Tensors = c ? { h, c } : { h }
      return { logits: ops.concat(parts, 2), attention: null, state }
    },
  })
  const own = (token: number) => (token === bos || token === eos ? lineEnd : token)
  const { vocabulary, sourceLengths } = model
  return {
    ...{ vocabulary, bos, eos, sources, sourceLengths },
    start(beams) {
      const decoding = model.start(beams)
      return {
        step: (tokens) => decoding.step(tokens.map(own)),
        take: (rows, kept) => decoding.take(rows, kept),
        dispose: () => decoding.dispose(),
      }
    },
  }
}
