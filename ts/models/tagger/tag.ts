/** What a tagger says of sentences. No gradients are recorded, and every batch is awaited. */
import { findingKBest, findingMarginals, findingViterbi } from '../../decode/crf'
import { findingLoose } from '../../metrics/spans'
import { inStretches, Pauses } from '../../pauses'
import { noGrad, scope } from '../../tensor'
import { segmentsOf } from '../../text/words'
import { withInputs } from '../../train/objective'
import type { CRFScores } from '../../nn'
import { inputsOf, type Example, type WordReader } from './batch'
import type { TaggerNetwork } from './network'
import type { TagSet } from './vocabulary'

/** A word of a text, or of a sentence whose words were given. */
export interface Word {
  /** As it stands in the text. */
  text: string
  /** In the text; of given words, which one it is. */
  start: number
  /** The place after its last character. */
  end: number
}

/** An entity that was found. */
export interface Entity {
  /** What it is, such as PER. */
  type: string
  /** In the text, or which words of those given; `end` is the first past it. */
  start: number
  /** The place past its end. */
  end: number
  /** Its words, as they stand in the text. */
  text: string
  /** Of its words' tags. */
  probability: number
}

/** What `tag` gives of a text. */
export interface TaggedText {
  /** Its words, in order. */
  words: string[]
  /** In the scheme of the data that was learned. */
  tags: string[]
  /** None of taggers that learned tags of the scheme `none`. */
  entities: Entity[]
}

export interface Sentence {
  words: readonly Word[]
  /** The text that they are of. */
  text: string | null
}

/** Words that are read at a time. */
const WORDS = 4096

/** Which examples are how long, in time of their number. */
function longestFirst(examples: readonly Example[]): number[] {
  const byLength = new Map<number, number[]>()
  for (const [i, { words }] of examples.entries()) {
    const alike = byLength.get(words.length)
    if (alike) alike.push(i)
    else byLength.set(words.length, [i])
  }
  return [...byLength].sort(([a], [b]) => b - a).flatMap(([, alike]) => alike)
}

/** Emissions of each example, [steps, tags], those of similar length together. */
export async function emissionsOf(
  network: TaggerNetwork,
  reader: WordReader,
  examples: readonly Example[],
  checkGoing: () => void,
): Promise<{ emissions: Float64Array[]; scores: CRFScores }> {
  const scores = await network.scores()
  const lengthOf = (i: number): number => (examples[i] as Example).words.length
  const order = longestFirst(examples)
  const emissions = new Array<Float64Array>(examples.length)
  const pauses = new Pauses()
  const { device } = network.output.weight
  for (let first = 0; first < order.length;) {
    checkGoing()
    const longest = Math.max(1, lengthOf(order[first] as number))
    const chosen = order.slice(first, first + Math.max(1, Math.floor(WORDS / longest)))
    first += chosen.length
    const batch = await inStretches(
      reader.batching(chosen.map((i) => examples[i] as Example)),
      pauses,
    )
    if (batch.steps === 0) {
      for (const i of chosen) emissions[i] = new Float64Array(0)
      continue
    }
    const made = withInputs(inputsOf(batch), device, (inputs) =>
      scope(() => noGrad(() => network.eval().emissions(inputs))),
    )
    const values = await made.data().finally(() => made.dispose())
    if (pauses.due) await pauses.pause()
    for (const [row, i] of chosen.entries()) {
      const own = new Float64Array(lengthOf(i) * scores.tags)
      for (let t = 0; t < lengthOf(i); ++t) {
        if (t % WORDS === WORDS - 1 && pauses.due) await pauses.pause()
        const at = (t * batch.rows + row) * scores.tags
        own.set(values.subarray(at, at + scores.tags), t * scores.tags)
      }
      emissions[i] = own
    }
  }
  return { emissions, scores }
}

/** Nats of each example's tags. */
export async function natsOf(
  network: TaggerNetwork,
  reader: WordReader,
  examples: readonly Example[],
  checkGoing: () => void,
): Promise<{ nats: number; tags: Int32Array[] }> {
  const { emissions, scores } = await emissionsOf(network, reader, examples, checkGoing)
  let nats = 0
  const tags: Int32Array[] = []
  const pauses = new Pauses()
  for (const [i, own] of emissions.entries()) {
    const given = (examples[i] as Example).tags
    if (given.length > 0)
      nats -= (await inStretches(findingMarginals(own, scores), pauses)).logOf(0, given)
    tags.push(await inStretches(findingViterbi(own, scores), pauses))
    if (pauses.due) await pauses.pause()
  }
  return { nats, tags }
}

/** The best tags of a sentence, and the entities that they tell. Yields where there may be a pause, as do the others. */
export function* deciding(
  { words, text }: Sentence,
  emissions: Float64Array,
  scores: CRFScores,
  set: TagSet,
  given?: Int32Array,
): Generator<undefined, TaggedText> {
  const found = given ?? (yield* findingViterbi(emissions, scores))
  const own = set.decode(found)
  yield
  const entities: Entity[] = []
  if (set.scheme !== 'none' && own.length > 0) {
    const spans = yield* findingLoose(own, 'iobes')
    const shares = spans.length > 0 ? yield* findingMarginals(emissions, scores) : null
    for (const { type, begin, end } of spans) {
      yield
      const [first, last] = [words[begin] as Word, words[end - 1] as Word]
      const covered =
        text?.slice(first.start, last.end) ??
        words
          .slice(begin, end)
          .map((word) => word.text)
          .join(' ')
      const probability = Math.exp(shares?.logOf(begin, found.subarray(begin, end)) ?? -Infinity)
      entities.push({ type, start: first.start, end: last.end, text: covered, probability })
    }
  }
  yield
  const tags = yield* set.showing(own)
  return { words: words.map((word) => word.text), tags, entities }
}

/** The k best of a sentence, with their probabilities. */
export function* findingBest(
  sentence: Sentence,
  emissions: Float64Array,
  scores: CRFScores,
  set: TagSet,
  k: number,
): Generator<undefined, (TaggedText & { probability: number })[]> {
  const { total } = yield* findingMarginals(emissions, scores)
  const all: (TaggedText & { probability: number })[] = []
  for (const { tags, score } of yield* findingKBest(emissions, scores, k)) {
    const told = yield* deciding(sentence, emissions, scores, set, tags)
    all.push({ ...told, probability: Math.min(1, Math.exp(score - total)) })
  }
  return all
}

/** Words of a text by Unicode's rules, or its characters; blanks are none. Yields where there may be a pause. */
export function* cutting(text: string, unit: 'word' | 'character'): Generator<undefined, Sentence> {
  const words: Word[] = []
  let start = 0
  for (const segment of segmentsOf(text, unit === 'word' ? 'word' : 'grapheme')) {
    const end = start + segment.length
    if (segment.trim() !== '') words.push({ text: segment, start, end })
    start = end
    yield
  }
  return { words, text }
}

/** Words that were given. */
export const given = (words: readonly string[]): Sentence => ({
  words: words.map((text, i) => ({ text, start: i, end: i + 1 })),
  text: null,
})
