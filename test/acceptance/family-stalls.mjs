// How long the event loop stands still while the families' asynchronous functions have 10 MB to read or to write: below
// 50 ms each.
//
//   node test/acceptance/family-stalls.mjs [part of a name] [characters]
//
// Needs 3 GB of memory and 100 MB in the folder for temporary files. What counts is what the thread computed itself,
// so that others on the machine are of little account.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import * as rnnative from 'rnnative'
import { book, record } from './book.mjs'
import { worstStall } from './stalls.mjs'

const LIMIT = 50
const [wanted = '', size = '10000000'] = process.argv.slice(2)
const SIZE = Number(size)

const once = book()
const long = once.repeat(Math.ceil(SIZE / once.length)).slice(0, SIZE)
const lines = long.split('\n').filter((line) => line !== '')
const part = once.slice(0, 100_000)
const texts = {
  'a book': long,
  'one line': long.replaceAll('\n', ' '),
  'one word': 'a'.repeat(SIZE),
  'differing words': Array.from({ length: SIZE / 8 }, (_, i) =>
    ((i * 2654435761) % 2 ** 32).toString(36).padStart(7, 'x'),
  ).join(' '),
  'one space': ' '.repeat(SIZE),
}
const folder = mkdtempSync(path.join(os.tmpdir(), 'family-stalls-'))
const within = (name) => path.join(folder, name)

const stalls = {}
const walls = {}
async function stall(what, work) {
  if (!what.includes(wanted)) return
  const began = performance.now()
  let failed = ''
  const { own, wall } = await worstStall(() =>
    work().catch((error) => {
      failed = ` ${error.code} ${String(error.message).slice(0, 90)}`
    }),
  )
  stalls[what] = own
  walls[what] = wall
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(`${what.padEnd(44)} ${own.toFixed(1).padStart(7)} ms of ${seconds} s${failed}`)
}

/** For what reads texts. */
const ofTexts = async (what, work) => {
  for (const [name, text] of Object.entries(texts))
    await stall(`${what}: ${name}`, () => work(text))
}

const wants = (family) => wanted === '' || wanted.startsWith(family)
const families = {
  async terms() {
    const tfIdf = new rnnative.TfIdf({ ngrams: [1] })
    await stall('terms fit', () => tfIdf.fit(lines))
    await tfIdf.fit(lines.slice(0, 2000))
    await ofTexts('terms transform', (text) => tfIdf.transform([text]))
    await ofTexts('terms keywordsOf', async (text) => tfIdf.keywordsOf([text]))
    await ofTexts('terms fit and save', async (text) => {
      const own = new rnnative.TfIdf({ ngrams: [1, 2] })
      await own.fit([text, 'another'])
      await own.keywordsOf([text])
      await own.save(within('terms'))
      await rnnative.TfIdf.load(within('terms'))
    })
    const examples = lines.map((text, i) => ({ text, label: i % 2 === 0 ? 'a' : 'b' }))
    const bayes = new rnnative.NaiveBayes({ ngrams: [1] })
    await stall('terms bayes fit', () => bayes.fit(examples))
    await stall('terms bayes predict', () => bayes.predict(lines))
    await stall('terms bayes evaluate', () => bayes.evaluate(examples))
    await ofTexts('terms bayes predict one', (text) => bayes.predict([text]))
  },
  async tagger() {
    const tags = ['B-x', 'I-x', 'O', 'O', 'B-y', 'O', 'O']
    const wordsOf = (text) => text.split(/\s+/).filter((word) => word !== '')
    const tagged = (words) => ({ words, tags: words.map((_, i) => tags[i % tags.length]) })
    const sentences = lines.map((line) => tagged(wordsOf(line)))
    const one = [tagged(wordsOf(long))]
    const differing = [tagged(wordsOf(texts['differing words']))]
    const { data, SequenceTagger } = rnnative
    const texted = data.toConll(sentences)
    await stall('tagger toConll (synchronous)', async () => data.toConll(sentences))
    await stall('tagger parseConll', () => data.parseConll(texted))
    const learn = (all) => SequenceTagger.learnVocabulary(all)
    await stall('tagger vocabulary', () => learn(sentences))
    await stall('tagger vocabulary: one sentence', () => learn(one))
    await stall('tagger vocabulary: differing words', () => learn(differing))
    const few = sentences.slice(0, 500)
    const vocabulary = await learn(few)
    const tagger = new SequenceTagger({ vocabulary, hidden: 2, embedding: 2, seed: 1 })
    await stall('tagger fit', () => tagger.fit(sentences, { maxSteps: 2, validation: few }))
    await stall('tagger evaluate', () => tagger.evaluate(sentences))
    await stall('tagger evaluate: one sentence', () => tagger.evaluate(one))
    await stall('tagger tag', () => tagger.tag(lines))
    await ofTexts('tagger tag', (text) => tagger.tag([text]))
    await tagger.dispose()
  },
  async ngram() {
    const { NgramModel, Tokenizer } = rnnative
    for (const kind of ['spaces', 'characters']) {
      const make = async (text) =>
        new NgramModel({ tokenizer: await Tokenizer.learn(kind, text), order: 3 })
      const model = await make(long)
      await stall(`ngram ${kind} fit`, () => model.fit(long))
      await stall(`ngram ${kind} save`, () => model.save(within('ngram')))
      await stall(`ngram ${kind} load`, () => NgramModel.load(within('ngram')))
      await stall(`ngram ${kind} generate`, async () => {
        for await (const piece of model.generate('the', { length: 3 })) void piece
      })
      await stall(`ngram ${kind} score`, () => model.score(lines))
      await ofTexts(`ngram ${kind} evaluate`, (text) => model.evaluate(text))
      await ofTexts(`ngram ${kind} score one`, (text) => model.score([text]))
      await ofTexts(`ngram ${kind} fit one`, async (text) => (await make(part)).fit(text))
    }
    const differing = texts['differing words']
    await stall('ngram fit and save: differing words', async () => {
      const tokenizer = await Tokenizer.learn('spaces', differing)
      const model = new NgramModel({ tokenizer, order: 3 })
      await model.fit(differing)
      await model.save(within('differing'))
      await NgramModel.load(within('differing'))
      await model.saveArpa(within('differing.arpa'))
      await NgramModel.fromArpa(within('differing.arpa'))
    })
  },
  async classifier() {
    const { TextClassifier, Tokenizer } = rnnative
    const tokenizer = await Tokenizer.learn('words', part)
    const small = { hidden: 2, embedding: 2, layers: 1, seed: 1 }
    const model = new TextClassifier({ tokenizer, labels: ['a', 'b'], ...small })
    const examples = lines.map((text, i) => ({ text, label: i % 2 === 0 ? 'a' : 'b' }))
    await stall('classifier fit', () => model.fit(examples, { maxSteps: 2 }))
    await stall('classifier predict', () => model.predict(lines))
    await stall('classifier evaluate', () => model.evaluate(examples))
    for (const document of ['mean', 'weighted', 'vote'])
      await ofTexts(`classifier document ${document}`, (text) =>
        model.predict([text], { document }),
      )
    await ofTexts('classifier predict one', (text) => model.predict([text]))
    await model.dispose()
  },
  async summariser() {
    const { Summariser, summarize } = rnnative
    for (const method of ['textrank', 'lexrank', 'tfidf', 'lead'])
      await ofTexts(`summariser ${method}`, (text) => summarize([text], { method }))
    await stall('summariser textrank: lines', () => summarize([lines]))
    const examples = Array.from({ length: 20 }, (_, i) => ({
      text: lines.slice(10 * i, 10 * i + 10),
      summary: lines[10 * i],
    }))
    const model = await Summariser.for(examples, { hidden: 2, embedding: 2, seed: 1 })
    await ofTexts('summariser model', (text) => model.summarize([text]))
    await ofTexts('summariser for', (text) =>
      Summariser.for([{ text, summary: text.slice(0, 100) }], { minCount: 1, hidden: 2, seed: 1 }),
    )
    await ofTexts('summariser fit', (text) =>
      model.fit([{ text: text.slice(0, SIZE / 10), summary: text }], { maxSteps: 1 }),
    )
    await model.dispose()
  },
  async vectors() {
    const { Doc2Vec, Embeddings, FastTextClassifier, io } = rnnative
    const made = async (name, words, size) => {
      const numbers = Array.from({ length: size }, (_, k) => Math.fround(Math.sin(k))).join(' ')
      const rows = Array.from({ length: words }, (_, i) => `w${i} ${numbers}\n`)
      writeFileSync(within(name), [`${words} ${size}\n`, ...rows].join(''))
      return io.readVectors(within(name))
    }
    for (const [shape, words, size] of [
      ['usual', SIZE / 1000, 100],
      ['wide', 2, SIZE / 40],
      ['narrow', SIZE / 10, 1],
    ]) {
      const vectors = await made(shape, words, size)
      await stall(`vectors read ${shape}`, () => io.readVectors(within(shape)))
      for (const format of ['text', 'binary'])
        await stall(`vectors write ${shape} ${format}`, () =>
          io.writeVectors(within('written'), vectors, { format }),
        )
    }
    const own = { dim: 4, seed: 1, minCount: 1 }
    const fast = new FastTextClassifier({ ...own, ngrams: 2, buckets: 1000 })
    const examples = lines.slice(0, 2000).map((text, i) => ({ text, label: i % 2 ? 'a' : 'b' }))
    await fast.fit(examples, { epochs: 1 })
    await ofTexts('vectors fastText predict', (text) => fast.predict([text]))
    await ofTexts('vectors fastText fit', (text) =>
      new FastTextClassifier({ ...own, buckets: 1000 }).fit([...examples, { text, label: 'a' }], {
        epochs: 1,
      }),
    )
    const documents = new Doc2Vec(own)
    await documents.fit(lines.slice(0, 2000), { epochs: 1 })
    await ofTexts('vectors infer', (text) => documents.infer([text], { epochs: 1 }))
    await stall('vectors infer lines', () => documents.infer(lines, { epochs: 1 }))
    await ofTexts('vectors doc2vec fit', (text) => new Doc2Vec(own).fit([text], { epochs: 1 }))
    await ofTexts('vectors word2vec fit', (text) => new Embeddings(own).fit([text], { epochs: 1 }))
    await ofTexts('vectors word2vec fit text', (text) =>
      new Embeddings(own).fit(text, { epochs: 1 }),
    )
  },
}

for (const [family, body] of Object.entries(families)) if (wants(family)) await body()
rmSync(folder, { recursive: true, force: true })
const worst = Math.max(...Object.values(stalls))
const passed = Object.entries(stalls).every(
  ([what, own]) => own < LIMIT || what.includes('synchronous'),
)
record('family-stalls', { passed, worst, stalls, walls })
process.exitCode = passed ? 0 : 1
