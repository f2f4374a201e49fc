/** Commands of dialogue models. The models are loaded when a command runs. */
import type { Command } from 'commander'
import { RnnativeError } from '../../errors'
import type { Conversation } from '../../data/tables'
import { dialogueFitOptions, dialogueOptions } from '../../models/dialogue/options'
import { choice, count, custom, flag, type Made } from '../../schema'
import type { Column } from '../../data/table'
import { addFlags, file, inferencePrecision, json, model, takeFlags } from '../arguments'
import type { Flags } from '../arguments'
import { holdOutEvenly, holdsOut, validationSplit } from '../held-out'
import { addChat, answerFlags, openBot } from './chat'
import { addTrain } from './train'

const UNITS = ['word', 'char', 'bpe', 'space'] as const

/** A number is a column's place, from 1. */
const columnOf = (word: string): Column => (/^[1-9]\d*$/.test(word) ? Number(word) : word)

const files = custom<readonly string[]>()(
  {
    expected: 'files, parted by commas',
    valid: (x) => Array.isArray(x) && x.length > 0 && !x.includes(''),
    argument: '<files>',
    read: (text) => text.split(','),
  },
  {
    about:
      'conversations, parted by commas: tables of a question and its answer (CSV, TSV, JSON Lines), or YAML with a list of ' +
      'turns each (needs js-yaml); a directory is all files in it',
    required: true,
  },
)

const corpus = {
  data: files,
  turns: custom<readonly Column[]>()(
    {
      expected: 'names or numbers of columns',
      valid: (x) => Array.isArray(x) && x.length > 0 && !x.includes(''),
      argument: '<columns>',
      read: (words) => words.split(',').map(columnOf),
    },
    { about: "columns of a table's turns", defaultText: '1,2; of JSON Lines the list turns' },
  ),
  header: flag({ about: 'take the first row of a table for names of columns', default: true }),
}

const dataFlags = {
  ...corpus,
  valid: file('conversations to validate with after each epoch'),
  validationSplit: validationSplit('taken evenly'),
  unit: choice(UNITS, { about: 'what a token is', required: true }),
  vocabulary: count({ about: 'most tokens', defaultText: '8,000 of bpe, else 50,000' }),
  minCount: count({ about: 'occurrences that make a token', default: 1 }),
}

const evaluateFlags = { model, ...corpus, ...answerFlags, precision: inferencePrecision, json }

export function addDialogue(program: Command): void {
  const dialogue = program
    .command('dialogue')
    .description('answers to lines, learned from conversations')
  addTrain(dialogue, {
    about: 'learn conversations; Ctrl-C writes a checkpoint and stops',
    data: dataFlags,
    model: dialogueOptions,
    fit: dialogueFitOptions,
    validation: '--valid or --validation-split',
    validates: ({ valid, validationSplit }) => holdsOut(validationSplit, valid, '--valid'),
    async begin(data, options, fit) {
      const { Dialogue } = await import('../../models/index.js')
      const { unit, vocabulary, minCount, valid, validationSplit: share = 0 } = data
      const all = await read(data.data, data)
      const { learned, heldOut } = share > 0 ? holdOutEvenly(all, share) : { learned: all }
      const validation = valid === undefined ? heldOut : await read([valid], data)
      const model = await Dialogue.for(learned, { ...options, unit, vocabulary, minCount })
      return { model, run: model.fit(learned, { ...fit, validation }) }
    },
  })
  const about = 'score answers, and compare those that are given'
  addFlags(dialogue.command('eval').description(about), evaluateFlags).action((flags: Flags) =>
    evaluate(takeFlags(evaluateFlags, flags)),
  )
  addChat(program)
}

async function read(
  paths: readonly string[],
  { turns, header }: Pick<Made<typeof corpus>, 'turns' | 'header'>,
): Promise<Conversation[]> {
  const { readDialogues } = await import('../../data/dialogues.js')
  const { readdir, stat } = await import('node:fs/promises')
  const { join } = await import('node:path')
  const all: string[] = []
  for (const path of paths) {
    const found = await stat(path).catch(() => null)
    if (!found?.isDirectory()) all.push(path)
    else {
      const names = await readdir(path)
      if (names.length === 0)
        throw new RnnativeError('ERR_EMPTY', `[read] ${path}: expected a file in it, got none`)
      all.push(...names.sort().map((name) => join(path, name)))
    }
  }
  return readDialogues(all, { turns: turns?.length === 1 ? turns[0] : turns, header })
}

async function evaluate(flags: Made<typeof evaluateFlags>): Promise<void> {
  const { distinct, measure } = await import('../../metrics/index.js')
  const { answersTo } = await import('../../models/dialogue/turns.js')
  const { printJson, printTable } = await import('../../watch/output.js')
  const conversations = await read(flags.data, flags)
  await using bot = await openBot(flags)
  const { nats, perplexity, tokens } = await bot.model.evaluate(conversations)
  const { lines, answers } = answersTo(conversations, bot.model.options.context)
  const texts = (await bot.answer(lines)).map(({ text }) => text)
  const { score: exact } = await measure('exactMatch', texts, answers)
  const [one, two] = [distinct(texts, 1), distinct(texts, 2)]
  const figures = { nats, perplexity, tokens, lines: lines.length, exact }
  if (flags.json) return printJson({ ...figures, distinct1: one, distinct2: two })
  printTable({
    ...{ nats: nats.toFixed(4), perplexity: perplexity.toFixed(3), tokens, lines: lines.length },
    ...{ exact: exact.toFixed(2), 'distinct-1': one.toFixed(3), 'distinct-2': two.toFixed(3) },
  })
}
