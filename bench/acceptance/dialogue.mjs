// Dialogue models on the chatterbot corpus, learned by heart, and on personality-chat, of which a tenth is held out.
//
//   node bench/acceptance/dialogue.mjs heart --hidden 384 [--language english|chinese] [--epochs N] [--hidden N]
//   node bench/acceptance/dialogue.mjs personality [--epochs N] [--hidden N] [--test]
//
// By heart: an answer is exact where it is one that the corpus has for the same turns. Of personality-chat (questions of 165
// pairs in three tones and of the friend's file) a tenth of the questions is held out to choose by, and a tenth looked at once
// with --test: perplexity of the answers, and how various those are that are given, with a penalty and without.
// Records bench/results/dialogue-heart-LANGUAGE.json and dialogue-personality.json.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Dialogue, metrics, optim, readDialogues, setThreads } from 'rnnative'
import { DATA, record } from './seq2seq.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    language: { type: 'string', default: 'english' },
    epochs: { type: 'string', default: '60' },
    hidden: { type: 'string', default: '256' },
    dropout: { type: 'string' },
    runs: { type: 'string', default: 'runs/dialogue' },
    test: { type: 'boolean', default: false },
  },
})
setThreads(1)
const settings = { hidden: Number(values.hidden), epochs: Number(values.epochs), seed: 1 }

async function train(learned, validation, options, name) {
  const bot = await Dialogue.for(learned, {
    ...{ hidden: settings.hidden, encoder: { bidirectional: true }, seed: settings.seed },
    ...options,
  })
  const run = bot.fit(learned, {
    ...{ epochs: settings.epochs, batchTokens: 1500, validation },
    optimizer: optim.adam({ lr: 2e-3 }),
    schedule: optim.schedule.cosine(),
    ...{ checkpoint: path.join(values.runs, name), resume: true },
  })
  let told = 0
  for await (const { epoch, seconds, loss, validation } of run)
    if (validation || seconds - told > 30) {
      told = seconds
      const held = validation ? `, held out ${validation.loss.toFixed(4)}` : ''
      console.log(`epoch ${epoch}, ${seconds.toFixed(0)} s: ${loss.toFixed(4)}${held}`)
    }
  return { bot, seconds: (await run).seconds }
}

/** What is answered somewhere, each once, with all its answers. */
function answersTo(conversations, context) {
  const found = new Map()
  for (const turns of conversations)
    turns.slice(1).forEach((answer, i) => {
      const lines = turns.slice(0, i + 1).slice(-(context + 1))
      const key = lines.join('\n')
      const known = found.get(key) ?? { lines, answers: [] }
      known.answers.push(answer)
      found.set(key, known)
    })
  return [...found.values()]
}

async function heart() {
  const folder = path.join(DATA, 'dialogue/chatterbot-corpus', values.language)
  const files = readdirSync(folder).sort()
  const conversations = await readDialogues(files.map((name) => path.join(folder, name)))
  const context = 5
  const unit = values.language === 'chinese' ? 'char' : 'word'
  const { bot, seconds } = await train(
    conversations,
    null,
    { context, unit },
    `heart-${values.language}`,
  )
  const asked = answersTo(conversations, context)
  const replies = await bot.reply(
    asked.map(({ lines }) => lines),
    { beam: 1, maxLength: 500 },
  )
  const plain = (text) => text.replace(/\s+/g, ' ').trim()
  const right = replies.filter(({ text }, i) => asked[i].answers.map(plain).includes(plain(text)))
  const exact = (100 * right.length) / asked.length
  const result = { conversations: conversations.length, lines: asked.length, exact, seconds }
  console.log(result)
  record(`dialogue-heart-${values.language}`, {
    settings: { ...settings, context, unit },
    ...result,
  })
}

async function personality() {
  const folder = path.join(DATA, 'dialogue/personality-chat')
  const files = readdirSync(folder)
    .filter((name) => /\.tsv(\.gz)?$/.test(name))
    .sort()
  const all = await readDialogues(files.map((name) => path.join(folder, name)))
  // A question stands in several files: all its answers fall on one side.
  const questions = [...new Set(all.map(([question]) => question))].sort()
  const part = new Map(questions.map((question, i) => [question, i % 10]))
  const of = (wanted) => all.filter(([question]) => wanted(part.get(question)))
  const [learned, dev] = [of((i) => i < 8), of((i) => i === 8)]
  const dropout = Number(values.dropout ?? 0.4)
  const { bot, seconds } = await train(learned, dev, { context: 0, dropout }, 'personality')
  await bot.dispose()
  const best = await Dialogue.load(path.join(values.runs, 'personality'))
  const figures = async (conversations) => {
    const lines = [...new Set(conversations.map(([question]) => question))]
    const various = async (options) => {
      const texts = (await best.reply(lines, options)).map(({ text }) => text)
      return { distinct1: metrics.distinct(texts, 1), distinct2: metrics.distinct(texts, 2), texts }
    }
    const { perplexity, tokens } = await best.evaluate(conversations)
    const given = { plain: await various({}) }
    for (const penalty of [0.3, 0.5]) given[penalty] = await various({ penalty, penaltyTokens: 5 })
    const shown = lines
      .slice(0, 8)
      .map((line, i) => [line, ...Object.values(given).map(({ texts }) => texts[i])])
    for (const one of Object.values(given)) delete one.texts
    return { lines: lines.length, perplexity, tokens, given, shown }
  }
  const result = { learned: learned.length, seconds, dev: await figures(dev) }
  if (values.test) result.test = await figures(of((i) => i === 9))
  console.log(JSON.stringify(result, null, 1))
  if (values.test) record('dialogue-personality', { settings: { ...settings, dropout }, ...result })
}

await (positionals[0] === 'personality' ? personality() : heart())
