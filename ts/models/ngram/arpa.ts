/** ARPA files, as SRILM, KenLM and others read and write them: n-grams by order with base 10 logarithms. */
import { RnnativeError, show } from '../../errors'
import type { Estimated } from './estimate'
import { NgramTable, ROOT } from './table'

/** What an ARPA file says of the begin of sentences, which is context alone. */
const NEVER = -99
const LINES = 1 << 12

/** How the words of boundaries, and the unknown one, are written. */
export interface ArpaNames {
  /** By id. */
  names: readonly string[]
  begin: number
}

/** White space as files have it between words, which themselves may hold other kinds. */
const trimmed = (line: string): string => line.replace(/^[ \t]+|[ \t\r]+$/g, '')

const digits = (value: number): string => String(Number(value.toPrecision(8)))

/** The lines of a file, in pieces. */
export function* arpaText(
  { table, logProbability, logBackoff }: Estimated,
  order: number,
  { names, begin }: ArpaNames,
): Generator<string> {
  const counts = new Array<number>(order + 1).fill(0)
  for (let node = 1; node < table.size; ++node) counts[table.order[node] as number]!++
  const found = counts.slice(1).map((count, i) => `ngram ${i + 1}=${count}`)
  yield `\\data\\\n${found.join('\n')}\n`
  for (let length = 1; length <= order; ++length) {
    let lines = [`\n\\${length}-grams:`]
    for (let node = 1; node < table.size; ++node) {
      if (table.order[node] !== length) continue
      const probability = node === 1 + begin ? NEVER : (logProbability[node] as number)
      const words = table.wordsOf(node).map((word) => names[word])
      const backoff = length < order ? `\t${digits(logBackoff[node] as number)}` : ''
      lines.push(`${digits(probability)}\t${words.join(' ')}${backoff}`)
      if (lines.length < LINES) continue
      yield `${lines.join('\n')}\n`
      lines = []
    }
    yield `${lines.join('\n')}\n`
  }
  yield '\n\\end\\\n'
}

/** What a file holds, before it is known what its words are. */
export interface Arpa {
  order: number
  words: readonly string[]
  make(names: ReadonlyMap<string, number>, words: number): Generator<void, Estimated>
}

interface Entry {
  words: string[]
  probability: number
  backoff: number
}

/** Reads the lines of an ARPA file; `ERR_FORMAT` names the line that is wrong. */
export function* readArpa(lines: readonly string[], source: string): Generator<void, Arpa> {
  const fail = (line: number, problem: string) =>
    new RnnativeError('ERR_FORMAT', `[read] ${source}: line ${line + 1}: ${problem}`)
  let at = lines.findIndex((line) => line.trim() === '\\data\\')
  if (at < 0) throw fail(0, 'expected \\data\\: this is no ARPA file')
  const counts: number[] = []
  for (++at; at < lines.length; ++at) {
    const text = trimmed(lines[at] as string)
    if (text === '') continue
    const match = /^ngram (\d+)\s*=\s*(\d+)$/.exec(text)
    if (match === null) break
    if (Number(match[1]) !== counts.length + 1)
      throw fail(at, `expected ngram ${counts.length + 1}=`)
    counts.push(Number(match[2]))
  }
  const order = counts.length
  if (order === 0) throw fail(Math.min(at, lines.length - 1), 'expected ngram 1=')
  const entries: Entry[][] = []
  for (let length = 1; length <= order; ++length) {
    while (at < lines.length && (lines[at] as string).trim() === '') ++at
    if ((lines[at] ?? '').trim() !== `\\${length}-grams:`)
      throw fail(Math.min(at, lines.length - 1), `expected \\${length}-grams:`)
    const found: Entry[] = []
    for (++at; at < lines.length; ++at) {
      const text = trimmed(lines[at] as string)
      if (text === '') continue
      if (text.startsWith('\\')) break
      const fields = text.split(/[\t ]+/)
      const probability = Number(fields[0])
      const backoff = fields.length > length + 1 ? Number(fields[length + 1]) : 0
      const valid = probability <= 0 && probability > -Infinity && Number.isFinite(backoff)
      if (!valid || fields.length < length + 1 || fields.length > length + 2)
        throw fail(at, `expected a logarithm, ${length} words and a backoff, got ${show(text)}`)
      found.push({ words: fields.slice(1, length + 1), probability, backoff })
      if (found.length % LINES === 0) yield
    }
    if (found.length !== counts[length - 1])
      throw fail(
        Math.min(at, lines.length - 1),
        `${found.length} ${length}-grams, not ${counts[length - 1]} as \\data\\ says`,
      )
    entries.push(found)
  }
  if ((lines[at] ?? '').trim() !== '\\end\\')
    throw fail(Math.min(at, lines.length - 1), 'expected \\end\\')
  return {
    order,
    words: (entries[0] as Entry[]).map(({ words }) => words[0] as string),
    make: (names, words) => build(entries, names, words, source),
  }
}

function* build(
  entries: readonly Entry[][],
  names: ReadonlyMap<string, number>,
  words: number,
  source: string,
): Generator<void, Estimated> {
  const table = new NgramTable(words)
  const logs: number[] = new Array<number>(1 + words).fill(NEVER)
  const backoffs: number[] = new Array<number>(1 + words).fill(0)
  logs[ROOT] = 0
  /** The longest n-gram that ends as these words do, without the first. */
  const suffixOf = (ids: readonly number[]): number => {
    for (let from = 1; from < ids.length; ++from) {
      let node = ROOT
      for (let i = from; i < ids.length && node >= 0; ++i) node = table.find(node, ids[i] as number)
      if (node >= 0) return node
    }
    return ROOT
  }
  /** What the shorter n-grams say of a last word. */
  const backedOff = (parent: number, word: number): number => {
    let paid = 0
    for (let state = parent; ; state = table.suffix[state] as number) {
      const node = state === parent ? -1 : table.find(state, word)
      if (node >= 0) return paid + (logs[node] as number)
      if (state === ROOT) return paid + (logs[1 + word] as number)
      paid += backoffs[state] as number
    }
  }
  let done = 0
  for (const found of entries)
    for (const { words: spoken, probability, backoff } of found) {
      const ids = spoken.map((name) => {
        const id = names.get(name)
        if (id !== undefined) return id
        throw new RnnativeError('ERR_FORMAT', `[read] ${source}: ${show(name)} is no unigram`)
      })
      let node = ROOT
      for (let i = 0; i < ids.length; ++i) {
        const word = ids[i] as number
        let next = table.find(node, word)
        if (next < 0) {
          // A file may lack what it has longer n-grams of.
          next = table.enter(node, word, suffixOf(ids.slice(0, i + 1)))
          logs[next] = backedOff(node, word)
          backoffs[next] = 0
        }
        node = next
      }
      logs[node] = probability
      backoffs[node] = backoff
      if (++done % LINES === 0) yield
    }
  return {
    table,
    logProbability: Float32Array.from(logs),
    logBackoff: Float32Array.from(backoffs),
  }
}
