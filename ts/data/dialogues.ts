/** Conversations of files, as dialogue models learn them. */
import { isListOf, isObject, optionsOf, type Names } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { gather } from './gather'
import { readText } from '../text'
import { badFile } from './pieces'
import {
  checkColumn,
  checkPaths,
  checkTableOptions,
  Table,
  TABLE_OPTIONS,
  tableRows,
  type Column,
  type TableOptions,
} from './table'
import { parseYaml, yamlFor } from './yaml'

/** What was said, turn by turn. */
export type Conversation = readonly string[]

/** Options of {@link readDialogues}. */
export interface DialogueTableOptions extends Omit<TableOptions, 'columns'> {
  /** Of tables: the columns of the turns, or, of JSON Lines, the column of a list of them. Default: 1 and 2; `turns`. */
  turns?: Column | readonly Column[] | undefined
}

const { columns: _, ...ofTables } = TABLE_OPTIONS
const OPTIONS: Names<DialogueTableOptions> = { ...ofTables, turns: true }

/**
 * Reads conversations of files, gzip allowed: rows of tables (see `readTable`), a question and its answer each, and
 * YAML as of the chatterbot corpus, `conversations` with a list of turns each, which takes the package js-yaml. `ERR_ARGUMENT`
 * names it where it is not installed; `ERR_FORMAT` with the line of what is wrong.
 *
 *     const conversations = await readDialogues(['greetings.yml', 'questions.tsv'])
 */
export function readDialogues(
  paths: string | readonly string[],
  options: DialogueTableOptions = {},
): Table<Conversation> {
  const op = 'read dialogues'
  const all = checkPaths(op, paths)
  const { turns, ...table } = optionsOf(op, options, OPTIONS)
  checkTableOptions(op, table)
  if (turns !== undefined) checkColumn(op, 'turns', turns)
  return new Table(() => conversationsOf(all, turns, table))
}

const isYaml = (path: string): boolean => /\.ya?ml(\.gz)?$/i.test(path)
const isJson = (path: string): boolean => /\.(jsonl|ndjson)(\.gz)?$/i.test(path)
const isStrings = (x: unknown): x is string[] => isListOf(x, (one) => typeof one === 'string')

async function* conversationsOf(
  paths: readonly string[],
  given: DialogueTableOptions['turns'],
  options: TableOptions,
): AsyncGenerator<Conversation> {
  for (const path of paths)
    if (isYaml(path)) yield* ofYaml(path)
    else {
      const lines = (options.format ?? (isJson(path) ? 'jsonl' : 'csv')) === 'jsonl'
      const turns = given ?? (lines ? 'turns' : [1, 2])
      const several = lines || (Array.isArray(turns) && turns.length > 1)
      expect('read dialogues', 'turns', several, 'at least two columns of a table', turns)
      for await (const { cells, line } of tableRows([path], { ...options, columns: { turns } })) {
        if (!isStrings(cells['turns']))
          throw badFile(path, `line ${line}: turns: expected strings, got ${show(cells['turns'])}`)
        yield cells['turns']
      }
    }
}

async function* ofYaml(path: string): AsyncGenerator<Conversation> {
  const yaml = yamlFor(path) // before any work is done
  const found = parseYaml(yaml, await readText(path), path)
  const all = isObject(found) ? found['conversations'] : undefined
  if (!Array.isArray(all))
    throw badFile(path, `conversations: expected a list of lists of turns, got ${show(all)}`)
  for (const [i, given] of (all as unknown[]).entries()) {
    // One that nobody answered may stand without its list.
    const turns = typeof given === 'string' ? [given] : given
    const name = `conversations: number ${i + 1}`
    if (!isStrings(turns))
      throw badFile(path, `${name}: expected a list of turns, got ${show(given)}`)
    yield turns
  }
}

export type Conversations = Iterable<Conversation> | AsyncIterable<Conversation>

/** All of them, checked; `ERR_ARGUMENT`, and `ERR_EMPTY` where nobody answers in any. */
export async function gatherConversations(
  op: string,
  given: Conversations,
): Promise<Conversation[]> {
  const check = (turns: unknown, index: number) =>
    expect(op, `conversations[${index}]`, isStrings(turns), 'a list of turns', turns)
  const all = await gather(op, 'conversations', given, 'lists of turns', check)
  if (!all.some(({ length }) => length > 1))
    throw new RnnativeError('ERR_EMPTY', `[${op}] conversations: expected one with an answer`)
  return all
}
