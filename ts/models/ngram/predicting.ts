/** An n-gram model as a term of a search. */
import { sharedTokens } from '../../decode/terms'
import type { Decoding, StepModel } from '../../decode'
import { tensor } from '../../tensor'
import type { Tokenizer } from '../../text'
import type { NgramParts } from './parts'

/** Of the begin of targets, which a search never writes: nothing is added for it. */
const NEVER = 0

/** Numbers that are kept of states met before: hypotheses of a source are much alike. */
const KEPT = 1 << 24

/** Over the tokens of `target`, each text a sentence. Logits are logarithms of probabilities. */
export function predicting(
  { tokenizer, words, walker }: NgramParts,
  target: Tokenizer,
  sources: number,
): StepModel {
  const { count } = sharedTokens('translate', tokenizer, target)
  const [bos, eos] = [target.begin as number, target.end as number]
  const vocabulary = target.size
  const known = new Map<number, Float32Array>()
  const logits = (state: number): Float32Array => {
    const found = known.get(state)
    if (found) return found
    const all = new Float64Array(words.size)
    walker.logDistribution(state, words.begin, all)
    const own = Float32Array.from({ length: vocabulary }, (_, token) =>
      token < count ? (all[token] as number) * Math.LN10 : NEVER,
    )
    own[eos] = (all[words.end] as number) * Math.LN10
    if (known.size * vocabulary > KEPT) known.clear()
    known.set(state, own)
    return own
  }
  const begin = 1 + words.begin
  return {
    ...{ vocabulary, bos, eos, sources, sourceLengths: null },
    start(beams): Decoding {
      let states = new Int32Array(sources * beams).fill(begin)
      return {
        step(tokens) {
          states = states.map((state, row) => {
            const token = tokens[row] as number
            return token === bos || token === eos ? begin : walker.step(state, token)
          })
          const all = new Float32Array(states.length * vocabulary)
          states.forEach((state, row) => all.set(logits(state), row * vocabulary))
          return { logits: tensor(all, [states.length, vocabulary]), attention: null }
        },
        take(rows) {
          states = Int32Array.from(rows, (row) => states[row] as number)
        },
        dispose: () => undefined,
      }
    },
  }
}
