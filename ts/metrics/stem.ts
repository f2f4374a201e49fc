/**
 * Stems of English words as ROUGE's reference implementation has them. Porter's rules are those of the package stemmer, an
 * optional one: only who stems has it. NLTK, which the reference uses, departs from them in places, which are here.
 */
import { needed } from '../packages'

type Stem = (word: string) => string

const load = (): Stem =>
  needed(
    '[rouge] stem: needs',
    'stemmer@2',
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    () => (require('stemmer') as { stemmer: Stem }).stemmer,
  )

/** Words that follow no rule. */
const IRREGULAR: Readonly<Record<string, readonly string[]>> = {
  sky: ['sky', 'skies'],
  die: ['dying'],
  lie: ['lying'],
  tie: ['tying'],
  news: ['news'],
  inning: ['innings', 'inning'],
  outing: ['outings', 'outing'],
  canning: ['cannings', 'canning'],
  howe: ['howe'],
  proceed: ['proceed'],
  exceed: ['exceed'],
  succeed: ['succeed'],
}
const irregular = new Map(
  Object.entries(IRREGULAR).flatMap(([stem, words]) => words.map((word) => [word, stem] as const)),
)

/** Whether a vowel has a consonant after it: Porter's measure is above 0. After a consonant y is a vowel. */
function isMeasured(stem: string): boolean {
  let [vowel, first] = [false, true]
  for (const letter of stem) {
    const now = 'aeiou'.includes(letter) || (letter === 'y' && !vowel && !first)
    if (vowel && !now) return true
    ;[vowel, first] = [now, false]
  }
  return false
}

function departing(word: string, porter: Stem): string {
  const known = irregular.get(word)
  if (known !== undefined) return known
  // ties, died: not ti, di.
  if (/^.ie[sd]$/.test(word)) return word.slice(0, 3)
  // conditionally as conditional, hopefully as hopeful.
  const adverb = /(al|ful)l(?:y|i|ies)$/.exec(word)
  if (adverb && isMeasured(word.slice(0, adverb.index)))
    return departing(word.slice(0, adverb.index) + adverb[1], porter)
  // geology as philology.
  const science = /log(?:y|ies)$/.exec(word)
  if (science && isMeasured(word.slice(0, science.index + 1)))
    return word.slice(0, science.index + 3)
  const stem = porter(word)
  // use, aged: not us, ag.
  if (stem.length === 2 && /^[aeiou][^aeiou](?:e|ings?$)/.test(word)) return `${word.slice(0, 2)}e`
  const last = stem.length - 1
  if (word[last] !== 'y' || last < 2) return stem
  // At the end of a word that has lost its inflexion: say, not sai.
  if (/[aeiou]$/.test(word.slice(0, last))) return `${word.slice(0, last)}y`
  return /^(?:s|(?:ed|ing)s?)?$/.test(word.slice(last + 1)) ? `${word.slice(0, last)}i` : stem
}

/** Gives a word of small letters and digits its stem. Throws `ERR_ARGUMENT` where the package is not installed. */
export function stemmer(): Stem {
  const porter = load()
  return (word) => departing(word, porter)
}
