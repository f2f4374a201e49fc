// An adaptive and a sampled softmax on WikiText-2 beside a full one after equal steps: 2 x 650 over 33,278 words.
//
//   node bench/acceptance/softmax.mjs [--steps 3000] [--hidden 650] [--threads 2]
//
// Prints the perplexity of valid.txt.gz after each, and records bench/results/softmax.json. Fails where the adaptive
// one's is more than 3% above the full one's.
import { parseArgs } from 'node:util'
import { LanguageModel, optim, readText, setThreads, Tokenizer } from 'rnnative'
import { DATA, record } from './seq2seq.mjs'

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '3000' },
    hidden: { type: 'string', default: '650' },
    threads: { type: 'string', default: '2' },
  },
})
setThreads(Number(options.threads))
const [maxSteps, hidden] = [Number(options.steps), Number(options.hidden)]
const read = (part) => readText(`${DATA}/lm/wikitext-2/${part}.txt.gz`)
const [text, valid] = [await read('train'), await read('valid')]
const tokenizer = Tokenizer.spaces(text)

const perplexity = {}
for (const softmax of ['full', 'adaptive', 'sampled']) {
  const lm = new LanguageModel({ tokenizer, layers: 2, hidden, dropout: 0.5, softmax, seed: 1 })
  const optimizer = optim.adam({ lr: 1e-3 })
  const { seconds } = await lm.fit(text, { batch: 20, steps: 35, maxSteps, optimizer, clipNorm: 5 })
  perplexity[softmax] = (await lm.evaluate(valid)).perplexity
  console.log({ softmax, perplexity: perplexity[softmax], secondsPerStep: seconds / maxSteps })
  await lm.dispose()
}
const ratio = perplexity.adaptive / perplexity.full
record('softmax', { vocabulary: tokenizer.size, steps: maxSteps, hidden, perplexity, ratio })
if (ratio > 1.03) {
  console.error(
    `expected at most 1.03 times the full softmax's perplexity, got ${ratio.toFixed(3)}`,
  )
  process.exitCode = 1
}
