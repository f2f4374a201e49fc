/** `chat`: a line out for each line in, on a terminal or through a pipe. */
import type { Command } from 'commander'
import type { Conversation } from '../../data/tables'
import type { Dialogue, Translation } from '../../models'
import type { LinearPrecision } from '../../precision'
import { atLeastZero, count, flag, probability, text, wholeNumber, type Made } from '../../schema'
import {
  addFlags,
  type Flags,
  inferencePrecision,
  model,
  refuseFlags,
  takeFlags,
} from '../arguments'

/** How a line is answered. */
export const answerFlags = {
  beam: count({ about: 'hypotheses kept at a step; 1 is greedy', default: 5 }),
  lengthPenalty: atLeastZero({ about: 'exponent of ((5 + n) / 6)', default: 0 }),
  blockNgrams: wholeNumber({
    about: 'no n-gram of so many tokens twice; 0: no matter',
    default: 0,
  }),
  maxLength: count({ about: 'most tokens', defaultText: '50 and twice those that are read' }),
  penalty: atLeastZero({
    about: 'weight of what an answer loses for being likely whatever is said',
    default: 0,
  }),
  penaltyTokens: count({ about: 'first tokens that lose by it', defaultText: 'all' }),
  against: text({
    about: 'of --penalty: a language or n-gram model that tells it',
    argument: '<dir>',
    defaultText: 'the model itself',
  }),
  sample: flag({ about: 'draw from the distribution instead of searching', default: false }),
  temperature: atLeastZero({ about: 'of --sample: below 1 bolder, above 1 more random' }),
  topK: count({ about: 'of --sample: choose among the k likeliest tokens', argument: '<k>' }),
  topP: probability({ about: 'of --sample: among the likeliest of this probability' }),
  seed: wholeNumber({ about: 'of --sample: the same seed answers the same' }),
}

const chatFlags = {
  model,
  ...answerFlags,
  alone: flag({ about: 'answer every line by itself, without the turns before it' }),
  precision: inferencePrecision,
}

/** Flags that mean nothing to the other way of answering. */
const SEARCHING = ['beam', 'lengthPenalty', 'blockNgrams', 'penalty', 'penaltyTokens', 'against']
const SAMPLING = ['temperature', 'topK', 'topP', 'seed'] as const

type Lines = readonly (string | Conversation)[]

interface Bot extends AsyncDisposable {
  model: Dialogue
  /** `first`: how many lines were answered before: draws differ from line to line. */
  answer(lines: Lines, first?: number): Promise<Translation[]>
}

/** The saved model, which answers as flags say. */
export async function openBot(
  flags: Made<typeof answerFlags> & { model: string; precision: LinearPrecision | undefined },
): Promise<Bot> {
  const { sample, temperature, topK, topP, seed, against, maxLength, ...search } = flags
  const { beam, lengthPenalty, blockNgrams, penalty, penaltyTokens } = search
  if (!sample) refuseFlags(answerFlags, flags, SAMPLING, 'only together with --sample')
  if (penalty === 0)
    refuseFlags(answerFlags, flags, ['penaltyTokens', 'against'], 'only together with --penalty')
  const { Dialogue } = await import('../../models/index.js')
  const { loadTerm } = await import('../../models/load-term.js')
  const other = against === undefined ? undefined : await loadTerm(against)
  const model = await Dialogue.load(flags.model, { precision: flags.precision })
  return {
    model,
    answer: (lines, first = 0) =>
      sample
        ? model.sample(lines, {
            ...{ temperature, topK, topP, seed, maxLength },
            streams: lines.map((_, i) => first + i),
          })
        : model.reply(lines, {
            ...{ beam, lengthPenalty, blockNgrams, penalty, penaltyTokens, maxLength },
            against: other,
          }),
    [Symbol.asyncDispose]: () => model.dispose(),
  }
}

export function addChat(program: Command): void {
  const about = 'talk with a dialogue model: a line out for each line in; an empty line begins anew'
  const command = program.command('chat').description(about)
  addFlags(command, chatFlags)
  command.options.find((option) => option.attributeName() === 'sample')?.conflicts(SEARCHING)
  command.action((flags: Flags) => chat(takeFlags(chatFlags, flags)))
}

async function chat(flags: Made<typeof chatFlags>): Promise<void> {
  await using bot = await openBot(flags)
  const kept = flags.alone ? 0 : bot.model.options.context
  let turns: string[] = []
  let number = 0
  for await (const line of process.stdin.isTTY ? typed() : piped()) {
    if (line.trim() === '') {
      turns = []
      process.stdout.write('\n')
      continue
    }
    turns = [...turns, line].slice(-(kept + 1))
    const [answer] = await bot.answer([turns], number++)
    const said = (answer?.text ?? '').replace(/[\r\n]+/g, ' ')
    turns.push(said)
    process.stdout.write(`${said}\n`)
  }
}

/** Lines as they are typed, with the keys of a terminal. */
async function* typed(): AsyncGenerator<string> {
  const { createInterface } = await import('node:readline')
  const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: '> ' })
  try {
    terminal.prompt()
    for await (const line of terminal) {
      yield line
      terminal.prompt()
    }
  } finally {
    terminal.close()
  }
}

async function* piped(): AsyncGenerator<string> {
  const { chunksOfLines } = await import('../texts.js')
  for await (const lines of chunksOfLines(process.stdin)) yield* lines
}
