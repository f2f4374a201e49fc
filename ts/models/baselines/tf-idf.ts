import { checkPath, checkWhole, optionsOf } from '../../check'
import { expect, RnnativeError } from '../../errors'
import { isIterable } from '../../kinds'
import { readJson } from '../../io/files'
import { CONFIG_FILE, readModel, writeModelDirectory } from '../../io/model-directory'
import { MODEL_FILE } from '../../io/model-files'
import { readSafetensors } from '../../io/safetensors'
import { atOnce, eachIn, inStretches } from '../../pauses'
import type { Made } from '../../schema'
import { tfIdfOptions, type TfIdfOptions } from './options'
import { checkTexts } from '../parts/prediction'
import type { Sparse } from '../parts/sparse'
import { readTerms, TERMS_FILE, writtenTerms } from './terms-file'
import { Vectorizer, type Text } from '../parts/vectorizer'

/** A term and how much it tells of a text. */
export interface Keyword {
  /** The term, a word or an n-gram. */
  term: string
  /** Its TF-IDF weight in the text. */
  weight: number
}

/** Options of `keywords`. */
export interface KeywordOptions {
  /** How many, the best first. Default 10. */
  top?: number | undefined
}

/** What could be a key word: something with letters, of more than one unless each is a word. */
const IS_WORD = /\p{L}{2}|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u

function topOf(op: string, options: KeywordOptions): number {
  const { top = 10 } = optionsOf(op, options, { top: true })
  checkWhole(op, 'top', top, 1)
  return top
}

/** Terms that are weighed without a pause. */
const STRETCH = 1 << 10

/** The best first. Yields where there may be a pause. */
function* rankingTerms(
  { terms, idf }: Vectorizer,
  text: Text,
  top: number,
): Generator<undefined, Keyword[]> {
  const counts = new Map<number, number>()
  const see = (term: number) => counts.set(term, (counts.get(term) ?? 0) + 1)
  for (const field of typeof text === 'string' ? [text] : text) yield* terms.finding(field, see)
  const better = (a: Keyword, b: Keyword) => b.weight - a.weight || (a.term < b.term ? -1 : 1)
  let best: Keyword[] = []
  let done = 0
  for (const [number, count] of counts) {
    const term = terms.name(number)
    const weight = (1 + Math.log(count)) * ((idf[number] as number) - 1)
    if (weight > 0 && IS_WORD.test(term)) best.push({ term, weight })
    if (best.length >= 2 * top + STRETCH) best = best.sort(better).slice(0, top)
    if (++done % STRETCH === 0) yield
  }
  return best.sort(better).slice(0, top)
}

/**
 * Texts as sparse rows: n-grams by how often they are there and how rare they are in other texts, as scikit-learn's
 * `TfidfVectorizer` has it: (1 + ln n with `sublinear`, else n) · (ln((1 + texts) / (1 + texts with it)) + 1), each row divided
 * by its length.
 *
 *     const tfIdf = new TfIdf({ ngrams: [1] })
 *     await tfIdf.fit(texts)
 *     const { begins, indices, values } = await tfIdf.transform(['a text'])
 *     const words = tfIdf.keywords('a text', { top: 5 })
 */
export class TfIdf {
  /** All options, every choice made. */
  readonly options: Readonly<Made<typeof tfIdfOptions.rows>>
  private learned: Vectorizer | null = null

  constructor(options: TfIdfOptions = {}) {
    this.options = tfIdfOptions.resolve(options)
  }

  private ready(method: string): Vectorizer {
    if (this.learned) return this.learned
    throw new RnnativeError(
      'ERR_UNINITIALIZED',
      `[${method}] no texts have been learned: fit, or load`,
    )
  }

  /** The n-grams that count: the columns of rows. */
  get terms(): readonly string[] {
    return this.ready('terms').terms.list()
  }

  /** Learns which n-grams there are and how rare they are. Gives the texts' rows. */
  async fit(texts: Iterable<Text>): Promise<Sparse> {
    expect(
      'fit',
      'texts',
      typeof texts !== 'string' && isIterable(texts),
      'an iterable of texts',
      texts,
    )
    const all = Array.from(texts)
    checkTexts('fit', all)
    if (all.length === 0) throw new RnnativeError('ERR_EMPTY', '[fit] texts: expected at least one')
    const { vectorizer, rows } = await Vectorizer.learn('fit', this.options, all)
    this.learned = vectorizer
    return rows
  }

  /** The texts' weights, `[texts, terms]`. `ERR_UNINITIALIZED` before `fit`. */
  async transform(texts: readonly Text[]): Promise<Sparse> {
    checkTexts('transform', texts)
    return this.ready('transform').transform(texts.slice())
  }

  /**
   * The terms that tell most of a text: by 1 + ln n occurrences and rarity, ln((1 + texts) / (1 + texts with it)). It
   * computes until it is done, with 10 MB for a second or two: see {@link keywordsOf}.
   */
  keywords(text: Text, options: KeywordOptions = {}): Keyword[] {
    const top = topOf('keywords', options)
    checkTexts('keywords', [text])
    return atOnce(rankingTerms(this.ready('keywords'), text, top))
  }

  /** What {@link keywords} gives of each text; leaves the event loop to others every few milliseconds. */
  async keywordsOf(texts: readonly Text[], options: KeywordOptions = {}): Promise<Keyword[][]> {
    const top = topOf('keywordsOf', options)
    checkTexts('keywordsOf', texts)
    const learned = this.ready('keywordsOf')
    return inStretches(eachIn(texts.slice(), (text) => rankingTerms(learned, text, top)))
  }

  /** Writes what was learned into a directory, as models are saved. */
  async save(directory: string): Promise<void> {
    const { terms, idf } = this.ready('save')
    await writeModelDirectory(directory, {
      json: {
        [CONFIG_FILE]: tfIdfOptions.toJSON(this.options),
        [TERMS_FILE]: await writtenTerms(terms),
      },
      tensors: { [MODEL_FILE]: new Map([['idf', { shape: [idf.length], data: idf }]]) },
    })
  }

  /** Loads what {@link save} wrote. `ERR_IO`, `ERR_FORMAT`. */
  static load(directory: string): Promise<TfIdf> {
    checkPath('load', 'directory', directory)
    const read = async (file: (name: string) => string) => {
      const path = file(CONFIG_FILE)
      const made = new TfIdf(tfIdfOptions.parse(await readJson(path), path))
      const terms = await readTerms(file(TERMS_FILE), made.options)
      const idf = (await readSafetensors(file(MODEL_FILE))).tensors.get('idf')?.data
      const fits = idf instanceof Float64Array && idf.length === terms.size
      if (!fits || !idf.every(Number.isFinite))
        throw new RnnativeError(
          'ERR_FORMAT',
          `[load] ${file(MODEL_FILE)}: idf: expected ${terms.size} finite doubles`,
        )
      made.learned = new Vectorizer(made.options, terms, idf)
      return made
    }
    return readModel(directory, read, () => Promise.resolve())
  }
}
