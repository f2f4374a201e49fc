/** Commands of vectors of words. What runs is loaded when a command runs. */
import type { Command } from 'commander'
import { docOptions } from '../../models/embeddings/doc-options'
import { EMBEDDING_MODELS, embeddingOptions, fitRows } from '../../models/embeddings/options'
import { choice, count, text, wholeNumber } from '../../schema'
import type { Made, Only } from '../../schema'
import { addFlags, json, neededFile, neededPicture, overwriteModel } from '../arguments'
import { refuseFlags, takeFlags, type Flags } from '../arguments'

const trainFlags = {
  text: neededFile('text to learn from, a sentence a line, gzip allowed; - is standard input'),
  ...embeddingOptions.rows,
  window: {
    ...embeddingOptions.rows.window,
    only: [
      '--algorithm dm',
      ({ model, algorithm }: { model: unknown; algorithm: unknown }) =>
        model !== 'doc2vec' || algorithm === 'dm',
    ] satisfies Only,
  },
  model: choice([...EMBEDDING_MODELS, 'doc2vec'], {
    about: `${embeddingOptions.rows.model.about}; doc2vec vectors of lines`,
    default: 'skipgram',
  }),
  algorithm: {
    ...docOptions.rows.algorithm,
    only: [
      '--model doc2vec',
      ({ model }: { model: unknown }) => model === 'doc2vec',
    ] satisfies Only,
  },
  ...fitRows,
  epochs: count({
    about: fitRows.epochs.about,
    default: (({ model }: { model: string }) => (model === 'doc2vec' ? 10 : 5)) as never as number,
    defaultText: '5, of doc2vec 10',
  }),
  output: text({
    about:
      'file of vectors: .bin in binary of word2vec, of words with parts a model of fastText; .vec or .txt as text; or a directory',
    ...{ argument: '<path>', required: true },
  }),
  overwrite: overwriteModel,
  json,
}

const vectors = text({
  about: 'a file of vectors, or the directory of a model',
  ...{ argument: '<path>', required: true },
})

const nearestFlags = { vectors, count: count({ about: 'how many', default: 10 }), json }

const evaluateFlags = {
  vectors,
  pairs: neededFile('a pair of words and how alike they are in each line'),
  json,
}

const mapFlags = {
  vectors,
  output: neededPicture('the page or picture to write'),
  words: text({ about: 'which, by commas', argument: '<word,...>', defaultText: 'the first ones' }),
  count: count({ about: 'how many of the first ones', default: 200, most: 4096 }),
  method: choice(['pca', 'tsne'], {
    about: 'principal components, or t-SNE (needs the package @keckelt/tsne)',
    default: 'pca',
  }),
  seed: wholeNumber({ about: 'of t-SNE', default: 1 }),
}

export function addEmbed(program: Command): void {
  const embed = program.command('embed').description('vectors of words, documents and items')
  addFlags(embed.command('train').description('learn vectors from a text'), trainFlags).action(
    (flags: Flags) => train(takeFlags(trainFlags, flags)),
  )
  addFlags(
    embed
      .command('nearest')
      .description(
        'the words nearest to a word, or to b - a + c where three are given: a b c; of doc2vec the lines nearest to a text',
      )
      .argument('<word...>', 'a word, or three; of doc2vec a text'),
    nearestFlags,
  ).action((words: string[], flags: Flags) => nearest(words, takeFlags(nearestFlags, flags)))
  addFlags(
    embed.command('eval').description('hold similarities of words against those of people'),
    evaluateFlags,
  ).action((flags: Flags) => evaluate(takeFlags(evaluateFlags, flags)))
  addFlags(
    embed.command('map').description('draw words as points of a plane (needs Vega)'),
    mapFlags,
  ).action(async (flags: Flags) => {
    const { drawWords } = await import('../vectors.js')
    const map = takeFlags(mapFlags, flags)
    if (map.method === 'pca') refuseFlags(mapFlags, map, ['seed'], 'only of --method tsne')
    if (map.words !== undefined) refuseFlags(mapFlags, map, ['count'], 'expected none with --words')
    await drawWords(map)
  })
}

async function train(flags: Made<typeof trainFlags>): Promise<void> {
  const { text: path, output, json: asJson, epochs, lr, threads, overwrite, ...options } = flags
  const { printJson, printTable } = await import('../../watch/output.js')
  const { setThreads } = await import('../threads.js')
  const { modelOf, tryOut, writeOut } = await import('../vectors.js')
  await setThreads(threads)
  await using model = modelOf(options)
  await tryOut(output, overwrite)
  const source = path === '-' ? process.stdin.setEncoding('utf8') : null
  const run = model.fit(source ? linesOf(source) : { file: path }, { epochs, lr, threads })
  let shown = 0
  for await (const event of run) {
    if (asJson || Date.now() - shown < 250 || !process.stderr.isTTY) continue
    shown = Date.now()
    const share = (100 * event.progress).toFixed(1)
    process.stderr.write(
      `\r${share}%  ${Math.round(event.wordsPerSecond)} words/s  loss ${event.loss.toFixed(4)} `,
    )
  }
  if (shown > 0) process.stderr.write('\n')
  const result = await run
  await writeOut(model, output)
  const wordsPerSecond = Math.round(result.words / result.seconds)
  if (asJson) return printJson({ ...result, wordsPerSecond })
  printTable({
    words: result.words,
    vocabulary: result.vocabulary,
    loss: result.loss?.toFixed(4) ?? 'none',
    seconds: result.seconds.toFixed(1),
    'words/s': wordsPerSecond,
  })
}

/** Lines of text that comes in parts. */
async function* linesOf(stream: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const part of stream) {
    const lines = (rest + part).split('\n')
    rest = lines.pop() as string
    yield* lines
  }
  if (rest !== '') yield rest
}

async function nearest(words: string[], flags: Made<typeof nearestFlags>): Promise<void> {
  const { nearestIn } = await import('../vectors.js')
  const { printJson } = await import('../../watch/output.js')
  const found = await nearestIn(flags.vectors, words, flags.count)
  if (flags.json) return printJson(found)
  for (const { word, similarity } of found)
    process.stdout.write(`${word} ${similarity.toFixed(4)}\n`)
}

async function evaluate(flags: Made<typeof evaluateFlags>): Promise<void> {
  const { loadVectors, readWordPairs } = await import('../vectors.js')
  const { printJson, printTable } = await import('../../watch/output.js')
  const pairs = await readWordPairs(flags.pairs)
  const score = (await loadVectors(flags.vectors)).evaluate(pairs)
  if (flags.json) return printJson(score)
  printTable({
    'rank correlation': score.correlation.toFixed(4),
    pairs: `${score.covered} of ${score.pairs}`,
  })
}
