// Learns whether sentences praise or blame, from sentences that it makes up itself: who says not means the opposite, which a
// bag of words cannot tell and a network that reads in order can.
//
//   npm run demo:sentiment [-- --report runs/sentiment/report.html] [-- TEXT...]
//
// Where rnnative is installed: node node_modules/rnnative/examples/sentiment.mjs [--report report.html] [TEXT...]
import { parseArgs } from 'node:util'
import { MaxEnt, optim, report, splitExamples, TextClassifier, Vote } from 'rnnative'
import { count } from './follow.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { report: { type: 'string', default: 'runs/sentiment/report.html' } },
})

const list = (words) => words.trim().split(/\s*,\s*/)
const WORDS = {
  good: list(`good, great, lovely, charming, brilliant, funny, clever, moving, warm, honest, bright, fresh, gripping,
    graceful, delightful, superb, tender, vivid, witty, wonderful, splendid, smart, touching, enjoyable, beautiful`),
  bad: list(`bad, awful, dull, boring, clumsy, flat, cold, shallow, stale, noisy, tedious, silly, weak, ugly, hollow,
    lazy, bland, dreadful, pointless, messy, tired, sour, predictable, painful, terrible`),
}
const THINGS =
  list(`film, story, plot, cast, score, script, ending, pace, hotel, room, meal, service, book, concert, game,
  staff, view, coffee, staircase, lighting`)
/** A: the word that tells, B: one of the other kind, N and M: things. A star: it says the opposite of A. */
const FRAMES = [
  ...[
    'the N was A',
    'what a A N',
    'i found the N A',
    'the N felt A from the first minute to the last',
    'a truly A N',
  ],
  ...[
    'we had a A time and the N helped',
    'everyone said B , yet the N is A',
    'never have i seen such a A N',
  ],
  ...[
    'the N was B , but the M was A and that is what stays',
    'not B at all , this N is A',
    'less B than A , this N',
  ],
  ...[
    'the N was not A *',
    'nobody would call this N A *',
    'the N was anything but A *',
    'hardly a A N *',
  ],
  ...[
    'i expected something A and the N was the opposite *',
    'far from A , the N *',
    "i can't say the N was A *",
  ],
  ...['the N could have been A , if only *', 'it wants to be A and the N is not *'],
]
const KINDS = ['good', 'bad']

/** Sentences drawn by a multiplicative congruential generator, the same each time. */
function sentences(wanted) {
  let state = 1
  const pick = (all) => all[(state = (state * 48271) % 2147483647) % all.length]
  const made = new Map()
  while (made.size < wanted) {
    const kind = pick(KINDS)
    const other = KINDS.find((one) => one !== kind)
    const frame = pick(FRAMES)
    const text = frame
      .replace(' *', '')
      .replace('A', pick(WORDS[kind]))
      .replace('B', pick(WORDS[other]))
      .replace(/[NM]/g, () => pick(THINGS))
    made.set(text, frame.endsWith('*') ? other : kind)
  }
  return [...made].map(([text, label]) => ({ text, label }))
}

const all = splitExamples(sentences(2400), 0.25, { seed: 1 })
const { learned, heldOut: validation } = splitExamples(all.learned, 0.15, { seed: 2 })
const test = all.heldOut
console.log(`${count(learned.length)} sentences to learn from, such as: ${learned[0].text}\n`)

const sizes = { embedding: 32, hidden: 32, dropout: 0.3, seed: 1 }
const network = await TextClassifier.for(learned, {
  unit: 'space',
  pooling: ['attention'],
  ...sizes,
})
const run = network.fit(learned, { epochs: 12, validation, optimizer: optim.adam({ lr: 4e-3 }) })
for await (const { epoch, loss, validation } of run)
  if (validation)
    console.log(`epoch ${epoch}: loss ${loss.toFixed(3)}, held out ${percent(validation)}`)
const baseline = new MaxEnt({ analyzer: 'space', ngrams: [1, 2] })
await baseline.fit(learned)
const both = new Vote([network, baseline])
await both.fit(validation)

function percent({ accuracy, measures }) {
  return `${(100 * (accuracy ?? measures.accuracy)).toFixed(1)} % right`
}
console.log(`\nOf ${count(test.length)} sentences that none has seen:`)
for (const [name, model] of Object.entries({ 'words and pairs of words': baseline, network, both }))
  console.log(`  ${name.padEnd(26)}${percent(await model.evaluate(test))}`)

const asked =
  positionals.length > 0 ? positionals : ['the view was not bad', 'far from witty , this book']
const predictions = await network.predict(asked)
for (const { label, probabilities, attention } of predictions) {
  const { tokens, weights } = attention
  const most = tokens[weights.indexOf(Math.max(...weights))]
  const [{ probability }] = probabilities
  console.log(
    `\n${tokens.join(' ')}\n  ${label} (${probability.toFixed(3)}); what counted most: ${most}`,
  )
}

const texts = test.slice(0, 40)
const told = (await network.predict(texts.map(({ text }) => text))).map((made, i) => ({
  ...{
    text: texts[i].text,
    actual: texts[i].label,
    predicted: made.label,
    attention: made.attention,
  },
  probability: made.probabilities.find(({ label }) => label === texts[i].label).probability,
}))
await report.writeClassification(values.report, {
  ...{ title: 'Praise or blame', score: await network.evaluate(test) },
  texts: told.sort((a, b) => a.probability - b.probability),
})
console.log(`\nwhat each word counted: ${values.report}`)
await network.dispose()
