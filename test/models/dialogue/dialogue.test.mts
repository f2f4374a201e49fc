import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Dialogue, LanguageModel, optim, rescore, Tokenizer } from 'rnnative'
import type { Conversation, DialogueOptions } from 'rnnative'
import { pairsOf, withBlank } from '#dist/models/dialogue/turns.js'

const temporary = () => mkdtempSync(join(tmpdir(), 'rnnative-'))

/** What is answered to "why" and "and then" depends on the turns before. */
const conversations: Conversation[] = [
  ['hello', 'hi there', 'who are you', 'a small program'],
  ['do you like tea', 'yes I do', 'why', 'it is warm'],
  ['do you like rain', 'no', 'why', 'it is wet'],
  ['we go out', 'fine', 'and then', 'we come home'],
  ['we go to bed', 'fine', 'and then', 'we sleep'],
  ['bye', 'see you'],
]
const lines = conversations.flatMap((turns) => turns.slice(1).map((_, i) => turns.slice(0, i + 1)))
const answers = conversations.flatMap((turns) => turns.slice(1))

const make = (options: Partial<DialogueOptions> = {}) =>
  Dialogue.for(conversations, { unit: 'word', hidden: 32, cell: 'gru', seed: 3, ...options })
const fitOptions = () => ({ batchTokens: 60, optimizer: optim.adam({ lr: 0.01 }) })

test('learns conversations by heart, the turns before a line among them', async (t) => {
  await using bot = await make()
  await bot.fit(conversations, { ...fitOptions(), epochs: 60 })
  const replies = await bot.reply(lines)
  t.deepEqual(
    replies.map(({ text }) => text),
    answers,
  )
  const { nats, tokens } = await bot.evaluate(conversations)
  t.true(nats < 0.2, String(nats))
  t.true(tokens > 30)

  const directory = join(temporary(), 'bot')
  await bot.save(directory)
  await using loaded = await Dialogue.load(directory)
  t.deepEqual(loaded.options, bot.options)
  t.deepEqual(await loaded.reply(['hello'], { nBest: 3 }), await bot.reply(['hello'], { nBest: 3 }))
  const draws = async (model: Dialogue) => model.sample(['hello', ['bye']], { seed: 4 })
  t.deepEqual(await draws(loaded), await draws(bot))
})

test('a penalty takes off what is likely whatever was said', async (t) => {
  await using bot = await make()
  await bot.fit(conversations, { ...fitOptions(), epochs: 10, blank: 0.5 })
  const all = { beam: 30, nBest: 30, maxLength: 5 }
  const [plain] = await bot.reply(['do you like tea'], all)
  const [blank] = await bot.reply([''], { ...all, beam: 300, nBest: 300 })
  const anyway = new Map(blank!.nBest.map((one) => [one.tokens.join(), one.logProbability]))
  const [found] = await bot.reply(['do you like tea'], { ...all, penalty: 0.5 })
  let compared = 0
  for (const { text, tokens, score, logProbability } of found!.nBest) {
    const own = anyway.get(tokens.join())
    if (own === undefined) continue
    ++compared
    t.true(Math.abs(score - (logProbability - 0.5 * own)) < 1e-3, `${text}: ${score}`)
  }
  t.true(compared > 3)
  const none = await bot.reply(['do you like tea'], { ...all, penalty: 0 })
  t.deepEqual(none[0]?.nBest, plain?.nBest)

  const { tokenizer } = bot
  await using lm = new LanguageModel({ tokenizer, layers: 1, hidden: 8, seed: 1 })
  const penalty = 0.3
  const [fused] = await bot.reply(['bye'], { ...all, penalty, against: lm })
  const [ranked] = await rescore(
    ['bye'],
    await bot.reply(['bye'], { ...all, penalty: 1e-9, against: lm }),
    [{ model: lm, weight: -penalty }],
  )
  const same = ranked!.nBest.find(({ tokens }) => tokens.join() === fused?.tokens.join())
  t.true(Math.abs((same?.score ?? NaN) - (fused?.score ?? NaN)) < 1e-3)
})

test('a resumed fit goes on bit for bit, and its checkpoint loads', async (t) => {
  const limits = { ...fitOptions(), validation: conversations.slice(0, 2) }
  await using whole = await make({ dropout: 0.1, context: 0 })
  const losses: number[] = []
  for await (const { loss } of whole.fit(conversations, { ...limits, maxSteps: 9 }))
    losses.push(loss)
  const checkpoint = join(temporary(), 'run')
  await using first = await make({ dropout: 0.1, context: 0 })
  await first.fit(conversations, { ...limits, maxSteps: 4, checkpoint })
  await using second = await make({ dropout: 0.1, context: 0, seed: 9 })
  const rest: number[] = []
  const more = { ...limits, maxSteps: 9, checkpoint, resume: true }
  for await (const { loss } of second.fit(conversations, more)) rest.push(loss)
  t.deepEqual(rest, losses.slice(4))
  await using loaded = await Dialogue.load(checkpoint)
  t.is(loaded.options.context, 0)
})

test('so many turns are read before a line; some answers are learned alone, too', (t) => {
  const turns = ['a', ' b\n b ', 'c', 'd']
  t.deepEqual(pairsOf([turns], 0), [
    ['a', 'b b'],
    ['b b', 'c'],
    ['c', 'd'],
  ])
  t.deepEqual(pairsOf([turns], 1)[2], ['b b\nc', 'd'])
  t.deepEqual(pairsOf([turns], 5)[2], ['a\nb b\nc', 'd'])
  t.deepEqual(withBlank(pairsOf([turns], 0), 0.5), [
    ['a', 'b b'],
    ['b b', 'c'],
    ['', 'c'],
    ['c', 'd'],
  ])
})

test('what makes no sense is named', async (t) => {
  await using bot = await make()
  const code = 'ERR_ARGUMENT'
  for (const [name, value] of Object.entries({
    context: -1,
    unit: 'line',
    hidden: 0,
    attention: 'hard',
  }))
    await t.throwsAsync(make({ [name]: value }), { code, message: RegExp(name) })
  const tokenizer = Tokenizer.words('a b a b')
  t.throws(() => new Dialogue({ tokenizer }), {
    code,
    message: /tokenizer: expected one with line ends/,
  })
  t.throws(() => new Dialogue({ tokenizer: 5 as never }), { code, message: /tokenizer/ })
  await using alone = new Dialogue({ tokenizer, context: 0, hidden: 4 })
  t.is(alone.options.context, 0)
  await t.throwsAsync(bot.fit('hello' as never), { code, message: /conversations/ })
  await t.throwsAsync(bot.fit([['a'], 5] as never), { code, message: /conversations\[1\]/ })
  await t.throwsAsync(bot.fit([['a']]), { code: 'ERR_EMPTY' })
  t.throws(() => bot.fit(conversations, { blank: 1 }), { code, message: /blank/ })
  await t.throwsAsync(bot.reply('hello' as never), { code, message: /lines/ })
  await t.throwsAsync(bot.reply([[]]), { code, message: /lines\[0\]/ })
  await t.throwsAsync(bot.reply(['a'], { penalty: -1 }), { code, message: /penalty/ })
  await t.throwsAsync(bot.reply(['a'], { against: 5 as never, penalty: 1 }), {
    code,
    message: /model/,
  })
  await t.throwsAsync(bot.reply(['a'], { beem: 2 } as never), {
    code,
    message: /did you mean beam/,
  })
})
