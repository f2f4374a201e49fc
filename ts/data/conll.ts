/** Sentences with tags, a word a line: CoNLL's columns and CoNLL-U. */
import { checkChoice, checkStrings, checkText, checkWhole, isListOf, isObject } from '../check'
import { optionsOf, type Names } from '../check'
import { expect, RnnativeError } from '../errors'
import { looseSpans, TAG_SCHEMES, tagsOf, type TagScheme } from '../metrics/spans'
import { inStretches } from '../pauses'
import { readText, linesOf } from '../text/read'

/** A sentence as it was tagged. */
export interface TaggedSentence {
  /** Its words, in order. */
  words: string[]
  /** A tag for each word. */
  tags: string[]
}

/** Which columns are read, of {@link readConll} and {@link parseConll}. */
export interface ConllOptions {
  /** The column of the tags, from 1. Default: the last; of CoNLL-U the fourth, UPOS. */
  column?: number | undefined
  /** The column of the words, from 1. Default: the first; of CoNLL-U the second. */
  words?: number | undefined
}

const NAMES: Names<ConllOptions> = { column: true, words: true }

const MOST_COLUMNS = 10
/** Of CoNLL-U; ids such as 3-4 (words written as one) and 5.1 (words left out) are no words of the text. */
const ID = /^\d+([-.]\d+)?$/
/** Lines that are read without a pause. */
const STRETCH = 1 << 10

const cellsOf = (line: string): string[] =>
  line.includes('\t') ? line.replace(/\t+$/, '').split('\t') : line.trim().split(/ +/)

/**
 * Sentences of a text file (gzip allowed) of 2 to 10 columns, parted by tabs or blanks; an empty line ends a sentence, and
 * comments and `-DOCSTART-` are passed over. Ten columns that begin with numbers of words are CoNLL-U. A line that
 * begins with # is a comment before a sentence, unless it has the columns of a word. Throws `ERR_FORMAT` with the
 * number of a line that has other columns than the first, `ERR_EMPTY` for no word, `ERR_IO`.
 */
export async function readConll(
  path: string,
  options: ConllOptions = {},
): Promise<TaggedSentence[]> {
  return parseConll(await readText(path), options, path)
}

/** The same of a text; `source` names it in errors. */
export async function parseConll(
  text: string,
  options: ConllOptions = {},
  source = 'text',
): Promise<TaggedSentence[]> {
  const { column, words } = optionsOf('read', options, NAMES)
  checkText('read', 'text', text)
  checkText('read', 'source', source)
  for (const [name, value] of Object.entries({ column, words }))
    if (value !== undefined) checkWhole('read', name, value, 1, MOST_COLUMNS)
  return inStretches(parsing(await linesOf(text.replace(/^\ufeff/, '')), options, source))
}

function* parsing(
  lines: readonly string[],
  options: ConllOptions,
  source: string,
): Generator<void, TaggedSentence[]> {
  const fail = (at: number, problem: string) =>
    new RnnativeError('ERR_FORMAT', `[read] ${source}: line ${at + 1}: ${problem}`)
  const sentences: TaggedSentence[] = []
  let sentence: TaggedSentence = { words: [], tags: [] }
  const end = (): void => {
    if (sentence.words.length > 0) sentences.push(sentence)
    sentence = { words: [], tags: [] }
  }
  const some = lines.findIndex((line) => isContent(line) && !line.startsWith('#'))
  const first = some >= 0 ? some : lines.findIndex((line) => isContent(line) && hasTag(line))
  const example = lines[first] ?? ''
  const shape = cellsOf(example)
  const count = shape.length
  const isU =
    count === MOST_COLUMNS && shape.every((cell) => cell !== '') && ID.test(shape[0] ?? '')
  const { words: wordColumn = isU ? 2 : 1, column = isU ? 4 : count } = options
  if (first >= 0 && (count < 2 || count > MOST_COLUMNS))
    throw fail(first, `expected 2 to ${MOST_COLUMNS} columns, got ${count}`)
  if (first >= 0 && Math.max(wordColumn, column) > count)
    throw fail(first, `expected at least ${Math.max(wordColumn, column)} columns, got ${count}`)
  const isComment = (line: string): boolean =>
    isU ||
    cellsOf(line).length !== count ||
    line.includes('\t') !== example.includes('\t') ||
    /^# \S+ = /.test(line)
  for (const [i, line] of lines.entries()) {
    if (i % STRETCH === 0) yield
    if (!isContent(line)) end()
    else if (line.startsWith('#') && (isU || sentence.words.length === 0) && isComment(line))
      continue
    else {
      const cells = cellsOf(line)
      if (cells.length !== count)
        throw fail(i, `expected ${count} columns, as line ${first + 1} has, got ${cells.length}`)
      if (isU && !/^\d+$/.test(cells[0] as string)) continue
      sentence.words.push(cells[wordColumn - 1] as string)
      sentence.tags.push((cells[column - 1] as string).trim())
    }
  }
  end()
  if (sentences.length === 0)
    throw new RnnativeError('ERR_EMPTY', `[read] ${source}: expected words with tags, got none`)
  return sentences
}

/** Neither empty nor where a document begins. */
const isContent = (line: string): boolean => line.trim() !== '' && !/^-DOCSTART-(\s|$)/.test(line)

/** Whether a line that begins with # may be a word with its tag. */
const hasTag = (line: string): boolean => line.includes('\t') || cellsOf(line).length === 2

/**
 * Words and tags, a tab between them: what {@link readConll} reads. It computes until it is done, with 10 MB for half a
 * second: give a part of the sentences at a time, with an empty line between two, where others wait.
 */
export function toConll(sentences: readonly TaggedSentence[]): string {
  const texts = (x: unknown): boolean => isListOf(x, (one) => typeof one === 'string')
  const isSentence = (x: unknown): boolean => isObject(x) && texts(x['words']) && texts(x['tags'])
  const valid = isListOf(sentences, isSentence)
  expect('toConll', 'sentences', valid, 'a list of { words, tags }', sentences)
  return sentences
    .map(({ words, tags }) => words.map((word, i) => `${word}\t${tags[i] ?? ''}\n`).join(''))
    .join('\n')
}

/** The same entities in another scheme. Tags that are not whole are read as conlleval reads them. */
export function convertTags(tags: readonly string[], from: TagScheme, to: TagScheme): string[] {
  checkStrings('convertTags', 'tags', tags)
  checkChoice('convertTags', 'from', from, TAG_SCHEMES)
  checkChoice('convertTags', 'to', to, TAG_SCHEMES)
  if (from === to) return [...tags]
  if (from === 'none' || to === 'none')
    throw new RnnativeError('ERR_ARGUMENT', '[convertTags] none: has no entities to convert')
  return tagsOf(looseSpans(tags, from), tags.length, to)
}
