/** Loading believes no file, and leaves the event loop to others. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { inStretches } from '#dist/pauses.js'
import { assigning } from '#dist/tensor/write.js'
import {
  io,
  LanguageModel,
  memory,
  peakGflops,
  Seq2Seq,
  synchronize,
  Tokenizer,
  zeros,
} from 'rnnative'
import { makeModel, temporaryDirectory, weightsOf } from './language/support.mjs'
import { makeSeq2Seq } from './seq2seq/pairs.mjs'

/** Loads with another config.json. */
async function refused(
  t: ExecutionContext,
  directory: string,
  change: object,
  load: (directory: string) => Promise<unknown>,
) {
  const path = join(directory, 'config.json')
  const content = readFileSync(path, 'utf8')
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(content) as object), ...change }))
  const began = performance.now()
  await t.throwsAsync(load(directory), { code: 'ERR_FORMAT' }, JSON.stringify(change))
  t.true(performance.now() - began < 2000, JSON.stringify(change))
  writeFileSync(path, content)
}

const HUGE = [1e9, Number.MAX_SAFE_INTEGER]

test.serial(
  'sizes of config.json are held against the weights before anything is made of them',
  async (t) => {
    const [language, translator] = [
      join(temporaryDirectory(), 'lm'),
      join(temporaryDirectory(), 'mt'),
    ]
    await using lm = makeModel()
    await lm.save(language)
    for (const size of HUGE)
      for (const name of ['layers', 'hidden', 'embedding'])
        await refused(t, language, { [name]: size }, (from) => LanguageModel.load(from))
    for (const options of [{}, { residual: true, layers: 3, bridge: 'dense' as const }]) {
      await using mt = makeSeq2Seq(options)
      await mt.save(translator)
      const { encoder } = mt.options
      for (const size of HUGE) {
        for (const name of ['layers', 'hidden', 'embedding', 'attentionSize'])
          await refused(t, translator, { [name]: size }, (from) => Seq2Seq.load(from))
        for (const name of ['layers', 'hidden'])
          await refused(t, translator, { encoder: { ...encoder, [name]: size } }, (from) =>
            Seq2Seq.load(from),
          )
      }
    }
  },
)

test.serial('a tied weight may be there twice, with the same values', async (t) => {
  const directory = join(temporaryDirectory(), 'tied')
  await using model = makeModel({ embedding: 12, tieWeights: true })
  await model.save(directory)
  const path = join(directory, 'model.safetensors')
  const { tensors } = await io.readSafetensors(path)
  const own = tensors.get('embedding.weight')
  const write = (data: Float32Array) =>
    io.writeSafetensors(path, new Map([...tensors, ['output.weight', { ...own!, data }]]))
  await write((own?.data as Float32Array).slice())
  await using same = await LanguageModel.load(directory)
  t.deepEqual(await weightsOf(same), await weightsOf(model))
  await write((own?.data as Float32Array).map((value, i) => (i === 5 ? 7 : value)))
  const expected = { code: 'ERR_FORMAT', message: /embedding\.weight and output\.weight/ }
  await t.throwsAsync(LanguageModel.load(directory), expected)
  t.throws(
    () =>
      same.network.loadStateDict(
        new Map([
          ...tensors,
          ['output.weight', { ...own!, data: new Float32Array(own!.data.length) }],
        ]),
      ),
    expected,
  )
})

/** Milliseconds that this process has computed: others run beside it. */
function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** The most that was computed between two turns of a timer while `work` went on. */
async function longestStretch(work: () => Promise<unknown>): Promise<number> {
  let [last, worst] = [processorTime(), 0]
  const timer = setInterval(() => {
    const now = processorTime()
    worst = Math.max(worst, now - last)
    last = now
  }, 1)
  await work()
  await new Promise((resolve) => setTimeout(resolve, 5))
  clearInterval(timer)
  return worst
}

// All threads count, those of the engine and of the garbage collector too. Each took seconds.
const PATIENCE = 200

test.serial('the event loop goes on while a model loads and texts are tokenised', async (t) => {
  const directory = join(temporaryDirectory(), 'big')
  const wide = { tokenizer: Tokenizer.bytes(), hidden: 1200, layers: 1, seed: 1 }
  await using model = new LanguageModel(wide)
  await model.save(directory)
  const loading = await longestStretch(async () => (await LanguageModel.load(directory)).dispose())
  t.true(loading < PATIENCE, `loading: ${loading} ms`)

  const text = 'the whale swam, and the ship sailed over the sea. '.repeat(40_000)
  for (const kind of ['characters', 'words', 'spaces', 'bpe'] as const) {
    const learning = await longestStretch(() => Tokenizer.learn(kind, text))
    t.true(learning < PATIENCE, `learning ${kind}: ${learning} ms`)
  }
  for (const tokenizer of [
    Tokenizer.words(text.slice(0, 5000)),
    Tokenizer.bpe(text.slice(0, 5000)),
    Tokenizer.characters(text.slice(0, 5000)),
  ]) {
    await using small = new LanguageModel({ tokenizer, hidden: 4, layers: 1, seed: 1 })
    const fitting = await longestStretch(async () => small.fit(text, { maxSteps: 1 }))
    t.true(fitting < PATIENCE, `${tokenizer.unit}: ${fitting} ms`)
  }
})

test.serial('an engine that is far behind is waited for', async (t) => {
  const values = new Float32Array(1 << 25).fill(3)
  using x = zeros([values.length])
  const busy = peakGflops(0.2)
  let most = 0
  const timer = setInterval(() => (most = Math.max(most, memory().staged)), 1)
  await inStretches(assigning(x, { data: values }))
  clearInterval(timer)
  t.true(most < 70e6, `${most} bytes`)
  await Promise.all([busy, synchronize()])
  t.is((await x.data()).at(-1), 3)
})
