import { atOnce } from '../pauses'
import { segmentsOf, signatureOf, words } from './corpus'
import type { CorpusScore, Measuring, References } from './corpus'
import { Aligner, alignmentOf } from './ter-alignment'
import { percentOfLength } from './token-error-rate'

export interface TerScore extends CorpusScore {
  /** Edits in all: insertions, deletions, substitutions and shifts. */
  edits: number
  /** Mean length of each hypothesis's references, summed. */
  referenceLength: number
}

// Limits of Tercom (the first two) and sacreBLEU.
const MAX_SHIFT_LENGTH = 10
const MAX_SHIFT_DISTANCE = 50
const MAX_CANDIDATES = 1000

interface Shift {
  from: number
  length: number
  /** The position in the hypothesis that the words are moved before. */
  to: number
  /** Edits that it spares. */
  gain: number
}

function apply(hypothesis: readonly string[], { from, length, to }: Shift): string[] {
  const moved = hypothesis.slice(from, from + length)
  const rest = [...hypothesis.slice(0, from), ...hypothesis.slice(from + length)]
  // Behind its own first word a target counts from where the rest closes up, as in Tercom.
  const target = to < from ? to : to > from + length ? to - length : to
  return [...rest.slice(0, target), ...moved, ...rest.slice(target)]
}

/** Higher gain first, then longer, earlier, and with an earlier target. */
const better = (a: Shift, b: Shift): boolean =>
  (a.gain - b.gain || a.length - b.length || b.from - a.from || b.to - a.to) > 0

/** Runs of words that hypothesis and reference share, at positions that are not too far apart. */
function* commonRuns(
  hypothesis: readonly string[],
  reference: readonly string[],
): Generator<{ from: number; at: number; length: number }> {
  for (let from = 0; from < hypothesis.length; ++from) {
    const end = Math.min(reference.length, from + MAX_SHIFT_DISTANCE + 1)
    for (let at = Math.max(0, from - MAX_SHIFT_DISTANCE); at < end; ++at)
      for (let length = 1; length <= MAX_SHIFT_LENGTH; ++length) {
        const word = hypothesis[from + length - 1]
        if (word === undefined || word !== reference[at + length - 1]) break
        yield { from, at, length }
      }
  }
}

/** Edits by which the reference is reached; shifts are found greedily, the best one first. */
function* editsTo(reference: readonly string[], given: readonly string[]): Measuring<number> {
  if (reference.length === 0) return given.length
  const aligner = new Aligner(reference)
  let hypothesis = given
  let shifts = 0
  let candidates = 0
  for (;;) {
    const { distance, operations } = yield* aligner.align(hypothesis)
    const { positions, hypothesisErrors, referenceErrors } = alignmentOf(operations)
    const wrong = (errors: readonly boolean[], begin: number, length: number) =>
      errors.slice(begin, begin + length).includes(true)

    let best: Shift | null = null
    for (const { from, at, length } of commonRuns(hypothesis, reference)) {
      // Words are moved only from where they are wrong to where others are wrong.
      if (!wrong(hypothesisErrors, from, length) || !wrong(referenceErrors, at, length)) continue
      const aligned = positions[at] as number
      if (aligned >= from && aligned < from + length) continue
      let last = -1
      for (let place = at - 1; place < at + length; ++place) {
        const to = place < 0 ? 0 : (positions[place] as number) + 1
        if (to === last) continue
        last = to
        const shift = { from, length, to, gain: 0 }
        shift.gain = distance - (yield* aligner.align(apply(hypothesis, shift))).distance
        ++candidates
        if (best === null || better(shift, best)) best = shift
      }
      if (candidates >= MAX_CANDIDATES) break
    }
    if (candidates >= MAX_CANDIDATES || best === null || best.gain <= 0) return shifts + distance
    hypothesis = apply(hypothesis, best)
    ++shifts
  }
}

/**
 * Translation edit rate (Snover et al. 2006) with sacreBLEU's defaults: words between white space,
 * case ignored, punctuation kept; moving a run of words costs one edit. Edits with the reference
 * that needs the fewest, over the mean length of the references; lower is better.
 *
 * Throws `ERR_ARGUMENT` when hypotheses and references do not fit together, `ERR_EMPTY` without any.
 */
export function ter(hypotheses: readonly string[], references: readonly References[]): TerScore {
  return atOnce(measuringTer(hypotheses, references))
}

export function* measuringTer(
  hypotheses: readonly string[],
  references: readonly References[],
): Measuring<TerScore> {
  const tokens = (text: string) => words(text, (part) => part.toLowerCase())
  const segments = yield* segmentsOf('ter', hypotheses, references)
  let edits = 0
  let referenceLength = 0
  for (const segment of segments) {
    yield
    const hypothesis = yield* tokens(segment.hypothesis)
    let [fewest, length] = [Infinity, 0]
    for (const text of segment.references) {
      const reference = yield* tokens(text)
      fewest = Math.min(fewest, yield* editsTo(reference, hypothesis))
      length += reference.length
    }
    edits += fewest
    referenceLength += length / segment.references.length
  }
  return {
    score: percentOfLength(edits, referenceLength),
    signature: signatureOf(segments, {
      case: 'lc',
      tok: 'tercom',
      norm: 'no',
      punct: 'yes',
      asian: 'no',
    }),
    edits,
    referenceLength,
  }
}
