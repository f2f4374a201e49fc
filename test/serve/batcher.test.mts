import test, { type ExecutionContext } from 'ava'
import {
  AbstractiveSummariser,
  Autoencoder,
  Dialogue,
  Doc2Vec,
  Embeddings,
  FastTextClassifier,
  Forecaster,
  LanguageModel,
  NaiveBayes,
  NgramModel,
  Seq2Seq,
  SequenceTagger,
  serve,
  Summariser,
  TextClassifier,
  TfIdf,
  Tokenizer,
} from 'rnnative'
import { labelled, letters, series, summarized } from '../models/fixtures/recipes.mjs'
import { alike, fixture } from './support.mjs'

type Model = Parameters<typeof serve.batcher>[0]

/** Asks all at once, in company; each result must be that of the family's own call for it alone. */
async function sameAsAlone<Input>(
  t: ExecutionContext,
  model: Model,
  verb: keyof serve.Asked,
  inputs: readonly Input[],
  alone: (input: Input) => Promise<unknown>,
  options: object = {},
): Promise<void> {
  const batcher = serve.batcher(model, { maxBatch: 4 })
  const asked = inputs.map((input) => batcher.ask(verb, input as never, options as never))
  const results = await Promise.all(asked)
  await batcher.close()
  t.is(batcher.stats.batches, Math.ceil(inputs.length / 4))
  t.deepEqual(
    [batcher.stats.inputs, batcher.stats.waiting, batcher.stats.running],
    [...[inputs.length, 0, 0]],
  )
  for (const [i, input] of inputs.entries()) alike(t, results[i], await alone(input), `${i}`)
}

test('translations, samples and vectors of sources', async (t) => {
  await using model = await Seq2Seq.load(fixture('seq2seq'))
  const search = { beam: 3, nBest: 2, alignments: true, maxLength: 9 }
  const one = async <R,>(all: Promise<R[]>) => (await all)[0]
  await sameAsAlone(
    t,
    model,
    'translate',
    letters,
    (x) => one(model.translate([x], search)),
    search,
  )
  const drawing = { seed: 3, samples: 2, maxLength: 6 }
  await sameAsAlone(t, model, 'sample', letters, (x) => one(model.sample([x], drawing)), drawing)
  await sameAsAlone(t, model, 'embed', letters, (x) => one(model.represent([x])))
})

test('labels, tags, summaries, answers, what follows, and forecasts that are drawn', async (t) => {
  const one = async <R,>(all: Promise<R[]>) => (await all)[0]
  await using classifier = await TextClassifier.load(fixture('classifier'))
  const texts = labelled.map(({ text }) => text as string)
  await sameAsAlone(t, classifier, 'classify', texts, (x) => one(classifier.predict([x])))
  await using bayes = new NaiveBayes()
  await bayes.fit(labelled)
  const top = { top: 1, terms: 2 }
  await sameAsAlone(t, bayes, 'classify', texts, (x) => one(bayes.predict([x], top)), top)

  await using tagger = await SequenceTagger.load(fixture('tagger'))
  const mixed = ['a b X1', ['b', 'a'], 'face', [] as string[], '']
  await sameAsAlone(t, tagger, 'tag', mixed, (x) => one(tagger.tag([x] as string[])))

  await using summariser = await Summariser.load(fixture('summariser'))
  const documents = summarized.map(({ text }) => text as string[])
  await sameAsAlone(t, summariser, 'summarize', documents, (x) => one(summariser.summarize([x])))

  await using writer = await AbstractiveSummariser.load(fixture('abstractive'))
  const few = { maxLength: 5, nBest: 2 }
  await sameAsAlone(t, writer, 'summarize', documents, (x) => one(writer.summarize([x], few)), few)

  await using dialogue = await Dialogue.load(fixture('dialogue'))
  const turns = ['abc', ['abc', 'cba'], 'fed']
  await sameAsAlone(t, dialogue, 'chat', turns, (x) => one(dialogue.reply([x])))

  await using auto = await Autoencoder.load(fixture('autoencoder'))
  await sameAsAlone(t, auto, 'translate', letters, (x) => one(auto.predict([x])))

  await using language = await LanguageModel.load(fixture('language'))
  const how = { length: 12, seed: 5 }
  const whole = async (prompt: string) => {
    let text = ''
    for await (const piece of language.generate(prompt, how)) text += piece
    return { text }
  }
  await sameAsAlone(t, language, 'generate', ['the ', '', 'whale', 'sea', 'ship s'], whole, how)

  await using forecaster = await Forecaster.load(fixture('forecaster'))
  // What is known ahead goes on for as long as is forecast.
  const [north, south] = ['n', 's'].map((place) => {
    const rows = series.filter((row) => row.place === place)
    return rows.map((row, i) => (i < 53 ? row : { ...row, y: null }))
  }) as [object[], object[]]
  // Lists that name their series alike, and one that has both.
  const lists = [north, south, north.slice(9), [...north, ...south]]
  await sameAsAlone(t, forecaster, 'forecast', lists, (x) => forecaster.predict(x as never[]))
})

test('words, documents, terms and n-grams', async (t) => {
  const one = async <R,>(all: Promise<R[]>) => (await all)[0]
  const texts = labelled.map(({ text }) => text as string)
  const sentences = texts.map((text) => text.split(' '))
  const sizes = { dim: 4, minCount: 1, seed: 1 }
  await using words = new Embeddings(sizes)
  await words.fit(sentences, { epochs: 1, threads: 1 })
  const found = async (word: string) => (await words.vector(word)) ?? null
  await sameAsAlone(t, words, 'embed', ['a', 'film', 'unheard'], found)
  await sameAsAlone(t, words, 'nearest', ['a', 'film'], (x) => words.nearest(x, { count: 2 }), {
    count: 2,
  })
  await using documents = new Doc2Vec(sizes)
  await documents.fit(sentences, { epochs: 1, threads: 1 })
  const inferred = { epochs: 3 }
  const infer = (x: string) => one(documents.infer([x], inferred))
  await sameAsAlone(t, documents, 'embed', texts.slice(0, 5), infer, inferred)
  await using fast = new FastTextClassifier({ dim: 4, minCount: 1, seed: 1 })
  await fast.fit(labelled, { epochs: 2, threads: 1 })
  await sameAsAlone(t, fast, 'classify', texts.slice(0, 5), (x) => one(fast.predict([x])))
  const terms = new TfIdf()
  await terms.fit(texts)
  await sameAsAlone(t, terms, 'keywords', texts.slice(0, 5), async (x) => terms.keywords(x))
  const ngrams = new NgramModel({ tokenizer: Tokenizer.spaces(texts), order: 2 })
  await ngrams.fit(texts)
  const how = { length: 6, seed: 2 }
  const whole = async (prompt: string) => {
    let text = ''
    for await (const piece of ngrams.generate(prompt, how)) text += piece
    return { text }
  }
  await sameAsAlone(t, ngrams, 'generate', ['the', 'it was'], whole, how)
  await sameAsAlone(t, ngrams, 'score', texts.slice(0, 5), (x) => one(ngrams.score([x])))
})

test('drawn forecasts have random numbers of their own list, whoever came along', async (t) => {
  await using model = new Forecaster({
    ...{ time: 'date', targets: ['y'], context: 7, horizon: 3, model: 'deepar', hidden: 3 },
    ...{ distribution: 'gaussian', seed: 1 },
  })
  const rows = series.filter(({ place }) => place === 'n')
  await model.fit(rows, { epochs: 1 })
  const drawing = { seed: 2, samples: 5 }
  const lists = [rows.slice(0, 40), rows, rows.slice(5)]
  await sameAsAlone(t, model, 'forecast', lists, (x) => model.predict(x, drawing), drawing)
})

test('requests with other options are other batches; what is asked without a seed is not the same twice', async (t) => {
  await using model = await Seq2Seq.load(fixture('seq2seq'))
  await using batcher = serve.batcher(model)
  await Promise.all([
    batcher.ask('translate', 'abc', { beam: 2, nBest: 1 }),
    batcher.ask('translate', 'fed', { beam: 2, nBest: undefined }),
    batcher.ask('translate', 'fed', { nBest: 1, beam: 2 }),
  ])
  t.is(batcher.stats.batches, 2)
  const drawn = await batcher.askAll('sample', new Array<string>(8).fill('abc'), { maxLength: 8 })
  t.true(new Set(drawn.map(({ text }) => text)).size > 1)
})

test('a full queue refuses at once, all inputs of a request or none', async (t) => {
  await using model = await Seq2Seq.load(fixture('seq2seq'))
  await using batcher = serve.batcher(model, { maxQueue: 3, maxBatch: 2 })
  const going = [batcher.ask('embed', 'abc'), batcher.ask('embed', 'fed')]
  await t.throwsAsync(batcher.askAll('embed', ['a', 'b']), {
    code: 'ERR_BUSY',
    message: '[ask] queue: expected at most 3 that wait, got 4',
  })
  t.is(batcher.stats.waiting, 2)
  going.push(batcher.ask('embed', 'a'))
  t.is((await Promise.all(going)).length, 3)
  await t.notThrowsAsync(batcher.askAll('embed', ['a', 'b', 'c']))
})

test('one that leaves, or makes no sense, is nobody else’s fault', async (t) => {
  await using model = await Seq2Seq.load(fixture('seq2seq'))
  await using batcher = serve.batcher(model)
  const leaving = new AbortController()
  const gone = batcher.ask('translate', 'abc', { signal: leaving.signal })
  const bad = batcher.ask('translate', 7 as never)
  const good = batcher.ask('translate', 'abc')
  leaving.abort(new Error('left'))
  const error = await t.throwsAsync(gone, { code: 'ERR_ABORTED', message: '[ask] aborted' })
  t.is((error?.cause as Error).message, 'left')
  await t.throwsAsync(bad, { code: 'ERR_ARGUMENT', message: /texts: expected a list of strings/ })
  alike(t, await good, (await model.translate(['abc']))[0])
  await t.throwsAsync(batcher.ask('translate', 'a', { signal: leaving.signal }), {
    code: 'ERR_ABORTED',
  })
  // While it is worked on; nobody else waits for it, so the work ends, too.
  const late = new AbortController()
  const long = { beam: 8, minLength: 400, maxLength: 400 }
  const running = batcher.ask('translate', 'abcdef', { ...long, signal: late.signal })
  for (let i = 0; i < 1e6 && batcher.stats.running === 0; ++i)
    await new Promise((resolve) => setImmediate(resolve))
  late.abort()
  await t.throwsAsync(running, { code: 'ERR_ABORTED' })
})

test('streams: pieces are those of the family’s own, places are few, who leaves ends them', async (t) => {
  await using model = await LanguageModel.load(fixture('language'))
  await using batcher = serve.batcher(model, { maxBatch: 1 })
  const collect = async (pieces: AsyncIterable<string>) => {
    const all: string[] = []
    for await (const piece of pieces) all.push(piece)
    return all
  }
  const how = { length: 20, seed: 1 }
  t.deepEqual(await collect(batcher.stream('generate', 'the', how)), [
    ...(await collect(model.generate('the', how))),
  ])
  const leaving = new AbortController()
  const long = batcher.stream('generate', 'a', { length: 1000, signal: leaving.signal })
  await long.next()
  t.throws(() => batcher.stream('generate', 'b'), { code: 'ERR_BUSY', message: /streams/ })
  leaving.abort()
  await t.throwsAsync(collect(long), { code: 'ERR_ABORTED' })
  t.is(batcher.stats.running, 0)
  const left = batcher.stream('generate', 'a', { length: 1000 })
  await left.next()
  await left.return()
  t.is(batcher.stats.running, 0)
  t.throws(() => batcher.stream('score' as never, 'a' as never), {
    message: /one that streams, got "score"/,
  })
})

test('closing answers what was asked before; closing now does not', async (t) => {
  await using model = await LanguageModel.load(fixture('language'))
  const first = serve.batcher(model)
  const asked = [first.ask('score', 'the sea'), first.ask('score', 'a ship')]
  await first.close()
  t.is((await Promise.all(asked)).length, 2)
  await t.throwsAsync(first.ask('score', 'a'), { code: 'ERR_DISPOSED' })
  const second = serve.batcher(model)
  const [waiting, stream] = [
    second.ask('score', 'the'),
    second.stream('generate', '', { length: 1000 }),
  ]
  await stream.next()
  const dropped = second.ask('score', 'more')
  const closed = second.close({ now: true })
  for (const one of [waiting, dropped])
    await one.catch((error: Error) => t.regex(error.message, /aborted/))
  await t.throwsAsync(stream.next(), { code: 'ERR_ABORTED' })
  await closed
})

test('what makes no sense is told by name', async (t) => {
  await using model = await LanguageModel.load(fixture('language'))
  await using batcher = serve.batcher(model)
  t.throws(() => serve.batcher({} as never), {
    message: '[batcher] model: expected a model of rnnative, got an object',
  })
  t.throws(() => serve.batcher(model, { maxBatch: 0 }), { code: 'ERR_ARGUMENT' })
  await t.throwsAsync(batcher.ask('translate', 'a'), {
    message: '[ask] verb: expected one of generate, score, got "translate"',
  })
  await t.throwsAsync(batcher.ask('generate', 'a', { lenght: 3 } as never), {
    message: '[ask] lenght: is no option here; did you mean length?',
  })
  await t.throwsAsync(batcher.ask('generate', 'a', { length: -1 }), { code: 'ERR_ARGUMENT' })
})
