/** Commands of taggers. The models are loaded when a command runs. */
import type { Command } from 'commander'
import type { TaggedSentence } from '../../data/conll'
import { ENTITY_MODES } from '../../metrics/entities'
import { TAG_SCHEMES } from '../../metrics/spans'
import { taggerFitOptions, taggerOptions } from '../../models/tagger/options'
import { choice, count, flag } from '../../schema'
import type { Made } from '../../schema'
import { addFlags, file, json, model, neededFile, savedPrecision, takeFlags } from '../arguments'
import type { Flags } from '../arguments'
import { holdsOut, validationSplit } from '../held-out'
import { addTrain } from './train'

const column = count({
  about: 'column of the tags, from 1',
  defaultText: 'the last, of CoNLL-U the fourth',
  most: 10,
})

const dataFlags = {
  data: neededFile(
    'sentences with tags, in columns (CoNLL) or CoNLL-U, gzip allowed; - is standard input',
  ),
  valid: file('sentences to validate with after each epoch'),
  validationSplit: validationSplit('evenly drawn from the sentences'),
  column,
  scheme: choice(TAG_SCHEMES, {
    about: 'how tags tell entities; none: tags of words, such as parts of speech',
    default: 'bio',
  }),
  vectors: file(
    'vectors that words begin with, of word2vec, GloVe or fastText; --groups words:frozen keeps them',
  ),
}

const evaluateFlags = {
  model,
  data: neededFile('sentences with tags, as in training; - is standard input'),
  column,
  mode: choice(ENTITY_MODES, { about: 'which entities count', default: 'strict' }),
  precision: savedPrecision,
  json,
}

const predictFlags = {
  model,
  text: flag({ about: 'lines are running text, not words in columns', default: false }),
  precision: savedPrecision,
  json: flag({ about: 'print a line of JSON for each sentence or text' }),
}

export function addTagger(program: Command): void {
  const tag = program.command('tag').description('taggers: named entities, parts of speech')
  addTrain(tag, {
    about: 'learn tags of words; Ctrl-C writes a checkpoint and stops',
    data: dataFlags,
    model: taggerOptions,
    fit: taggerFitOptions,
    validation: '--valid or --validation-split',
    validates: ({ valid, validationSplit }) => holdsOut(validationSplit, valid, '--valid'),
    async begin({ scheme, column, validationSplit: share = 0, ...paths }, options, fit) {
      const { SequenceTagger } = await import('../../models/index.js')
      const { checkInputs, readTagged } = await import('../texts.js')
      checkInputs(paths.data, paths.valid)
      const sentences = await readTagged(paths.data, { column })
      const { learned, heldOut } =
        share > 0 ? parted(sentences, share) : { learned: sentences, heldOut: undefined }
      const validation =
        paths.valid === undefined ? heldOut : await readTagged(paths.valid, { column })
      const { readVectors } = await import('../../io/vectors.js')
      const vectors = paths.vectors === undefined ? undefined : await readVectors(paths.vectors)
      const vocabulary = await SequenceTagger.learnVocabulary(learned, { scheme, vectors })
      const sized = vectors && { vectors, embedding: vectors.size }
      const model = new SequenceTagger({ ...options, ...sized, vocabulary })
      return { model, run: model.fit(learned, { ...fit, validation }) }
    },
  })
  addFlags(
    tag.command('eval').description('precision, recall and F1 of entities'),
    evaluateFlags,
  ).action((flags: Flags) => evaluate(takeFlags(evaluateFlags, flags)))
  addFlags(
    tag
      .command('predict')
      .description(
        'tag standard input: words in columns, of which the first counts, or lines of text',
      ),
    predictFlags,
  ).action((flags: Flags) => predict(takeFlags(predictFlags, flags)))
}

/** Sentences from everywhere, of each 1 / `share` the last. */
function parted(sentences: readonly TaggedSentence[], share: number) {
  const held = (i: number) => Math.floor((i + 1) * share) > Math.floor(i * share)
  return {
    learned: sentences.filter((_, i) => !held(i)),
    heldOut: sentences.filter((_, i) => held(i)),
  }
}

async function evaluate(flags: Made<typeof evaluateFlags>): Promise<void> {
  const { SequenceTagger } = await import('../../models/index.js')
  const { readTagged } = await import('../texts.js')
  const { printJson, printTable } = await import('../../watch/output.js')
  await using tagger = await SequenceTagger.load(flags.model, { precision: flags.precision })
  const sentences = await readTagged(flags.data, { column: flags.column })
  const score = await tagger.evaluate(sentences, { mode: flags.mode })
  if (flags.json) return printJson(score)
  const { perType, support, ...shares } = score
  const four = (values: Record<string, number>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.toFixed(4)]))
  printTable({ ...four(shares), entities: support })
  for (const [type, { f1, precision, recall, support }] of Object.entries(perType))
    printTable({ type, ...four({ f1, precision, recall }), entities: support })
}

/** Sentences of words that are tagged together. */
const TOGETHER = 256

async function predict(flags: Made<typeof predictFlags>): Promise<void> {
  const { SequenceTagger } = await import('../../models/index.js')
  const { chunksOfLines } = await import('../texts.js')
  await using tagger = await SequenceTagger.load(flags.model, { precision: flags.precision })
  const write = (line: string) => process.stdout.write(`${line}\n`)
  if (flags.text) {
    for await (const texts of chunksOfLines(process.stdin))
      for (const { words, tags, entities } of await tagger.tag(texts))
        write(flags.json ? JSON.stringify({ words, tags, entities }) : shown(words, tags, entities))
    return
  }
  // A line out for each line in: empty ones, and what is no word, stay as they are.
  let lines: string[] = []
  let sentences: string[][] = [[]]
  const flush = async () => {
    const tagged = await tagger.tag(sentences)
    if (flags.json) for (const one of tagged) if (one.words.length > 0) write(JSON.stringify(one))
    if (!flags.json) {
      let [sentence, word] = [0, 0]
      for (const line of lines)
        if (line.trim() === '') {
          write('')
          ;[sentence, word] = [sentence + 1, 0]
        } else write(`${line}\t${tagged[sentence]?.tags[word++] ?? 'O'}`)
    }
    lines = []
    sentences = [[]]
  }
  for await (const arrived of chunksOfLines(process.stdin))
    for (const line of arrived) {
      lines.push(line)
      if (line.trim() !== '') sentences.at(-1)?.push(line.split(/\t| +/)[0] as string)
      else if (sentences.length < TOGETHER) sentences.push([])
      else await flush()
    }
  await flush()
}

/** Entities of a text; of parts of speech, each word with its own. */
function shown(
  words: readonly string[],
  tags: readonly string[],
  entities: readonly { type: string; text: string }[],
): string {
  const isNone = entities.length === 0 && !tags.every((tag) => tag === 'O')
  if (isNone) return words.map((word, i) => `${word}/${tags[i] ?? ''}`).join(' ')
  return entities.map(({ type, text }) => `${type}: ${text}`).join('; ')
}
