/**
 * N-grams of texts as numbers. A tree of tokens: an n-gram is a node, found by that of all but its last token, and that
 * token's number. One table of integers holds all of it, and no n-gram is ever written as a string to look it up.
 */
import { atOnce } from '../../pauses'
import { IdList } from '../../text/ids'
import type { TermSettings } from './term-options'
import { partsOf } from './text-parts'

const SCRIPTS = ['Han', 'Hiragana', 'Katakana', 'Thai', 'Lao', 'Khmer', 'Myanmar']
const ALONE = SCRIPTS.map((name) => `\\p{Script=${name}}`).join('')
/** Words of these scripts are characters, however short. */
export const STANDS_ALONE = new RegExp(`^[${ALONE}]`, 'u')
const LETTER = `(?:(?![${ALONE}])[\\p{L}\\p{M}\\p{N}_])`
/** A word, apostrophes within it included; where no spaces part words, a character. */
const WORDS = new RegExp(`[${ALONE}]|${LETTER}+(?:['’]${LETTER}+)*`, 'gu')
/** The same of texts whose characters are all below U+0250, by far faster. */
const LATIN_WORDS = /[\p{L}\p{N}_]+(?:'[\p{L}\p{N}_]+)*/gu
const BEYOND_LATIN = /[^\0-\u024f]/
const NO_SPACES = /\S+/gu

/** The tokens of a text whose n-grams are its terms. */
export function tokensOf(text: string, { analyzer, lowercase }: TermSettings): readonly string[] {
  const plain = lowercase ? text.toLowerCase() : text
  if (analyzer === 'char') return Array.from(plain.replace(/\s+/gu, ' '))
  const pattern = analyzer === 'space' ? NO_SPACES : BEYOND_LATIN.test(plain) ? WORDS : LATIN_WORDS
  return plain.match(pattern) ?? []
}

/** What an n-gram of these tokens is called. */
const GLUE = { word: ' ', space: ' ', char: '' } as const

/** Whole numbers by pairs of such: open addressing over typed arrays. */
class Pairs {
  private before = new Int32Array(1 << 12)
  private token = new Int32Array(1 << 12)
  private node = new Int32Array(1 << 12).fill(-1)
  private count = 0

  private slot(before: number, token: number): number {
    const mask = this.node.length - 1
    let at = Math.imul(before, 0x9e3779b1) ^ Math.imul(token, 0x85ebca6b)
    at = Math.imul(at ^ (at >>> 15), 0x2c1b3c6d)
    at = (at ^ (at >>> 13)) & mask
    while (this.node[at] !== -1 && (this.before[at] !== before || this.token[at] !== token))
      at = (at + 1) & mask
    return at
  }

  /** -1: none. */
  get(before: number, token: number): number {
    return this.node[this.slot(before, token)] as number
  }

  /** That of the pair, or `fresh`, which is from now on. */
  take(before: number, token: number, fresh: number): number {
    const at = this.slot(before, token)
    const found = this.node[at] as number
    if (found !== -1) return found
    this.before[at] = before
    this.token[at] = token
    this.node[at] = fresh
    if (++this.count * 2 > this.node.length) this.grow()
    return fresh
  }

  private grow(): void {
    const old = { before: this.before, token: this.token, node: this.node }
    const size = 2 * old.node.length
    this.before = new Int32Array(size)
    this.token = new Int32Array(size)
    this.node = new Int32Array(size).fill(-1)
    for (let i = 0; i < old.node.length; ++i) {
      if (old.node[i] === -1) continue
      const [before, token] = [old.before[i] as number, old.token[i] as number]
      const at = this.slot(before, token)
      this.before[at] = before
      this.token[at] = token
      this.node[at] = old.node[i] as number
    }
  }
}

/** Tokens between two moments at which there may be a pause. */
const STRETCH = 4096

/** The node of no token. */
const ROOT = 0

/** All n-grams that are known. Those of learned texts are added; afterwards some are chosen and numbered. */
export class Terms {
  private readonly tokens = new Map<string, number>()
  private readonly pairs = new Pairs()
  /** By node: that before its last token, that token, how long it is, and its number among the chosen, or -1. */
  private readonly before = [ROOT]
  private readonly last = [-1]
  private numbers = Int32Array.of(-1)
  private readonly words: string[] = []
  private readonly longest: number
  private readonly wanted: readonly boolean[]
  /** The nodes of the chosen ones. */
  private chosen: Int32Array = new Int32Array()

  constructor(readonly settings: TermSettings) {
    this.longest = Math.max(...settings.ngrams)
    this.wanted = Array.from({ length: this.longest + 1 }, (_, n) => settings.ngrams.includes(n))
  }

  /** How many are chosen. */
  get size(): number {
    return this.chosen.length
  }

  get nodes(): number {
    return this.last.length
  }

  private *idsOf(text: string, add: boolean): Generator<undefined, Int32Array> {
    const parts: Int32Array[] = []
    let length = 0
    for (const part of partsOf(text)) {
      if (length > 0) yield
      const tokens = tokensOf(part, this.settings)
      const ids = new Int32Array(tokens.length)
      for (let i = 0; i < tokens.length; ++i) {
        const token = tokens[i] as string
        ids[i] = add ? this.idOf(token) : (this.tokens.get(token) ?? -1)
      }
      parts.push(ids)
      length += ids.length
    }
    if (parts.length === 1) return parts[0] as Int32Array
    const all = new Int32Array(length)
    let at = 0
    for (const ids of parts) {
      all.set(ids, at)
      at += ids.length
    }
    return all
  }

  private idOf(token: string): number {
    const known = this.tokens.get(token)
    if (known !== undefined) return known
    this.words.push(token)
    this.tokens.set(token, this.words.length - 1)
    return this.words.length - 1
  }

  private child(node: number, token: number): number {
    const fresh = this.last.length
    const found = this.pairs.take(node, token, fresh)
    if (found === fresh) {
      this.before.push(node)
      this.last.push(token)
    }
    return found
  }

  /** Calls `see` with the node of every n-gram of a text that is being learned. Yields where there may be a pause. */
  *learning(text: string, see: (node: number) => void): Generator<undefined, void> {
    const ids = yield* this.idsOf(text, true)
    for (let begin = 0; begin < ids.length; ++begin) {
      if (begin % STRETCH === STRETCH - 1) yield
      let node = ROOT
      for (let n = 1; n <= this.longest && begin + n <= ids.length; ++n) {
        node = this.child(node, ids[begin + n - 1] as number)
        if (this.wanted[n]) see(node)
      }
    }
  }

  /** Calls `see` with the number of every n-gram of a text that is among the chosen. Yields as {@link learning}. */
  *finding(text: string, see: (term: number) => void): Generator<undefined, void> {
    const ids = yield* this.idsOf(text, false)
    for (let begin = 0; begin < ids.length; ++begin) {
      if (begin % STRETCH === STRETCH - 1) yield
      let node = ROOT
      for (let n = 1; n <= this.longest && begin + n <= ids.length; ++n) {
        const id = ids[begin + n - 1] as number
        node = id < 0 ? -1 : this.pairs.get(node, id)
        if (node < 0) break
        const term = this.numbers[node] as number
        if (term >= 0) see(term)
      }
    }
  }

  /** Numbers those that `keep` says, in the order in which they first occurred. Yields as the others. */
  *choosing(keep: (node: number) => boolean): Generator<undefined, Int32Array> {
    const chosen = new IdList()
    for (let node = 1; node < this.nodes; ++node) {
      if (keep(node)) chosen.push(node)
      if (node % STRETCH === 0) yield
    }
    return yield* this.numbering(yield* chosen.joined())
  }

  private *numbering(chosen: Int32Array): Generator<undefined, Int32Array> {
    this.chosen = chosen
    this.numbers = new Int32Array(this.nodes).fill(-1)
    for (let number = 0; number < chosen.length; ++number) {
      this.numbers[chosen[number] as number] = number
      if (number % STRETCH === 0) yield
    }
    return this.numbers
  }

  /** What the chosen one of this number is called. */
  name(number: number): string {
    const parts: string[] = []
    for (let at = this.chosen[number] as number; at !== ROOT; at = this.before[at] as number)
      parts.push(this.words[this.last[at] as number] as string)
    return parts.reverse().join(GLUE[this.settings.analyzer])
  }

  /** The names of all chosen ones. Yields where there may be a pause. */
  *naming(): Generator<undefined, string[]> {
    const names: string[] = []
    for (let number = 0; number < this.size; ++number) {
      names.push(this.name(number))
      if (number % STRETCH === STRETCH - 1) yield
    }
    return names
  }

  /** The same at once. */
  list(): string[] {
    return atOnce(this.naming())
  }

  /** Those of a saved list; null where a term is there twice or is none of these settings. Yields as the others. */
  static *reading(
    settings: TermSettings,
    names: readonly string[],
  ): Generator<undefined, Terms | null> {
    const terms = new Terms(settings)
    const chosen = new IdList()
    const known = new Set<number>()
    for (const [i, name] of names.entries()) {
      if (i % STRETCH === STRETCH - 1) yield
      const parts = settings.analyzer === 'char' ? Array.from(name) : name.split(' ')
      if (!terms.wanted[parts.length] || parts.includes('')) return null
      let node = ROOT
      for (const token of parts) node = terms.child(node, terms.idOf(token))
      if (known.has(node)) return null
      known.add(node)
      chosen.push(node)
    }
    yield* terms.numbering(yield* chosen.joined())
    return terms
  }
}
