/** What an n-gram model estimates, against KenLM's lmplz: test/golden/make_ngram.py. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { io, NgramModel, Tokenizer } from 'rnnative'
import { makeText } from '../language/support.mjs'

const GOLDEN = 'test/golden'
const text = readFileSync(`${GOLDEN}/ngram.txt`, 'utf8')
const fresh = (name = '') => join(mkdtempSync(join(tmpdir(), 'rnnative-')), name)

async function made(order: number, prune: number[] = [], of = text) {
  const model = new NgramModel({ tokenizer: Tokenizer.spaces(of), order, prune })
  return { model, result: await model.fit(of) }
}

/** Entries by their words: probability and backoff. */
function entriesOf(arpa: string): Map<string, [number, number]> {
  const lines = arpa.split('\n').map((line) => line.split('\t'))
  const entries = lines.filter(([log, words]) => words !== undefined && log !== '')
  return new Map(
    entries.map(([log, words, back]) => [words as string, [Number(log), Number(back ?? 0)]]),
  )
}

for (const [name, order, prune] of [
  ['ngram-3', 3, []],
  ['ngram-4-pruned', 4, [0, 0, 1]],
] as const)
  test(`${name}: KenLM's probabilities and backoffs`, async (t) => {
    const { model } = await made(order, [...prune])
    const path = fresh('model.arpa')
    await model.saveArpa(path)
    const expected = entriesOf(readFileSync(`${GOLDEN}/${name}.arpa`, 'utf8'))
    const found = entriesOf(readFileSync(path, 'utf8'))
    t.deepEqual([...found.keys()].sort(), [...expected.keys()].sort())
    for (const [words, [probability, backoff]] of expected) {
      const [own, left] = found.get(words) as [number, number]
      if (words !== '<s>')
        t.true(Math.abs(own - probability) < 1e-4, `${words}: ${own}, ${probability}`)
      t.true(Math.abs(left - backoff) < 1e-4, `${words}: backoff ${left}, ${backoff}`)
    }
    const read = await NgramModel.fromArpa(`${GOLDEN}/${name}.arpa`)
    const held = 'ba de ba\n\nto su gi zu\nka'
    const [ours, theirs] = [await model.evaluate(held), await read.evaluate(held)]
    t.is(ours.tokens, 12)
    t.is(ours.unknown, 1)
    t.true(Math.abs(ours.nats - theirs.nats) < 1e-4)
  })

test('probabilities sum to 1 in every state', async (t) => {
  for (const [order, prune] of [
    [1, []],
    [3, []],
    [4, [0, 1, 2]],
  ] as const) {
    const { model } = await made(order, [...prune])
    const words = [...new Set(text.split(/\s+/).filter(Boolean))]
    for (const before of ['', 'ba', 'ba de', 'to su gi', 'zu zu zu']) {
      const nats = async (line: string) => {
        const [score] = await model.score([line])
        return score as number
      }
      const own = await nats(before)
      // What follows: any word, an unknown one, or the end, which `score` counts with each.
      const next = await Promise.all(
        [...words, 'unknown'].map(async (word) => {
          return Math.exp(-((await model.surprisals(`${before} ${word}`)).at(-1) as number))
        }),
      )
      const started = -(await model.surprisals(before)).reduce((a, b) => a + b, 0)
      const ended = Math.exp(own - started)
      const sum = next.reduce((a, b) => a + b, ended)
      t.true(Math.abs(sum - 1) < 1e-5, `order ${order}, after "${before}": ${sum}`)
    }
  }
})

test('saved and loaded, or by way of ARPA, it says the same', async (t) => {
  const { model, result } = await made(4)
  const held = 'ba de gi\nsu zu unseen ba\n'
  const directory = fresh()
  await model.save(directory)
  const loaded = await NgramModel.load(directory)
  t.deepEqual(await loaded.evaluate(held), await model.evaluate(held))
  t.deepEqual(loaded.options, model.options)
  const path = fresh('model.arpa')
  await model.saveArpa(path)
  const read = await NgramModel.fromArpa(path)
  t.true(Math.abs((await read.evaluate(held)).nats - (await model.evaluate(held)).nats) < 1e-5)
  t.is(result.ngrams.length, 4)
  t.deepEqual(result.tokens, (await model.evaluate(text)).tokens)
})

test('characters, spaces among them, go to ARPA and back', async (t) => {
  const line = 'the cat sat\non the mat\n'
  const tokenizer = Tokenizer.characters(line)
  const model = new NgramModel({ tokenizer, order: 3 })
  t.deepEqual((await model.fit(line)).fallback, [1, 2, 3])
  const path = fresh('model.arpa')
  await model.saveArpa(path)
  const read = await NgramModel.fromArpa(path, { tokenizer })
  t.true(Math.abs((await read.evaluate(line)).nats - (await model.evaluate(line)).nats) < 1e-5)
})

test('it writes by its seed, never an unknown word, and at temperature 0 the likeliest', async (t) => {
  const { model } = await made(3)
  const write = async (options: object) => {
    let written = ''
    for await (const piece of model.generate('ba', { length: 60, ...options })) written += piece
    return written
  }
  t.is(await write({ seed: 5 }), await write({ seed: 5 }))
  t.not(await write({ seed: 5 }), await write({ seed: 6 }))
  t.notRegex(await write({ seed: 7, temperature: 3 }), /unk/)
  t.is(await write({ temperature: 0 }), await write({ seed: 3, topK: 1 }))
  t.is(await write({ temperature: 0 }), await write({ seed: 9, topP: 1e-9 }))
})

test('what is wrong is named', async (t) => {
  const tokenizer = Tokenizer.spaces(text)
  for (const [options, message] of [
    [{ order: 0 }, /order: expected/],
    [{ order: 8 }, /order: expected a whole number from 1 to 7/],
    [{ prune: [1] }, /prune: expected numbers/],
    [{ prune: [0, 2, 1] }, /prune: expected numbers/],
    [{ tokenizer: 3 }, /tokenizer: expected a Tokenizer/],
  ] as const)
    t.throws(() => new NgramModel({ tokenizer, ...(options as object) }), {
      message,
      code: 'ERR_ARGUMENT',
    })
  const model = new NgramModel({ tokenizer })
  await t.throwsAsync(model.fit(''), { code: 'ERR_EMPTY' })
  await t.throwsAsync(model.evaluate(''), { code: 'ERR_EMPTY' })
  await t.throwsAsync(model.fit(text, { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
  await t.throwsAsync(model.sample('ba ba'), { message: /template: expected/ })
  t.throws(() => model.generate('ba', { length: -1 }), { message: /length: expected/ })
})

test('a file that is none, or was changed, is refused by its line or node', async (t) => {
  const good = readFileSync(`${GOLDEN}/ngram-3.arpa`, 'utf8').split('\n')
  const path = fresh('bad.arpa')
  const refused = async (lines: string[], message: RegExp) => {
    writeFileSync(path, lines.join('\n'))
    await t.throwsAsync(NgramModel.fromArpa(path), { code: 'ERR_FORMAT', message })
  }
  await refused(['no arpa'], /line 1: expected/)
  await refused([...good.slice(0, 20)], /line 20: .* 1-grams, not/)
  await refused(
    good.map((line, i) => (i === 9 ? '0.5\tba\t0' : line)),
    /line 10: expected a logarithm/,
  )
  await refused(
    good.map((line, i) => (i === 1 ? 'ngram 2=5' : line)),
    /line 2: expected ngram 1=/,
  )
  const { model } = await made(3)
  const directory = fresh()
  await model.save(directory)
  const file = join(directory, 'model.safetensors')
  const { tensors } = await io.readSafetensors(file)
  for (const name of ['parent', 'word', 'suffix', 'log_probability']) {
    const changed = new Map(tensors)
    const { shape, data } = tensors.get(name)!
    const other = data.slice()
    other[other.length - 1] = name === 'log_probability' ? NaN : 1e6
    changed.set(name, { shape, data: other })
    await io.writeSafetensors(file, changed)
    await t.throwsAsync(NgramModel.load(directory), { code: 'ERR_FORMAT', message: /node \d+/ })
  }
})

test('an order that is not that of the weights is refused; earlier files tell none', async (t) => {
  const { model } = await made(3)
  const directory = fresh()
  await model.save(directory)
  const path = join(directory, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8')) as object
  for (const order of [2, 4]) {
    writeFileSync(path, JSON.stringify({ ...config, order }))
    await t.throwsAsync(NgramModel.load(directory), {
      code: 'ERR_FORMAT',
      message: `[load] ${join(directory, 'model.safetensors')}: n-grams of up to 3 words: expected ${order}, the order of config.json`,
    })
  }
  writeFileSync(path, JSON.stringify(config))
  const file = join(directory, 'model.safetensors')
  const { tensors } = await io.readSafetensors(file)
  await io.writeSafetensors(file, new Map([...tensors].filter(([name]) => name !== 'order')))
  t.is((await NgramModel.load(directory)).options.order, 3)
  const short = new NgramModel({ tokenizer: Tokenizer.spaces('a'), order: 5 })
  await short.fit('a')
  const other = fresh()
  await short.save(other)
  t.is((await NgramModel.load(other)).options.order, 5)
})

test('a text of few words, of one word, and without any', async (t) => {
  for (const one of ['word', 'word\n', '\n\n\n', 'a b\na b\n', makeText(30)]) {
    const tokenizer = Tokenizer.spaces(`${one} x\n`)
    const model = new NgramModel({ tokenizer, order: 5 })
    await model.fit(one)
    t.true(Number.isFinite((await model.evaluate('a word\n')).nats), one)
  }
})
