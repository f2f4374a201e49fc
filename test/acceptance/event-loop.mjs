// The event loop's delay while a model trains through `fit`: its 99th percentile must stay under 10 ms.
//
//   node test/acceptance/event-loop.mjs [seconds]
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { LanguageModel, optim, Tokenizer } from 'rnnative'
import { book, record } from './book.mjs'

const maxSeconds = Number(process.argv[2] ?? 20)
const milliseconds = (histogram) =>
  Object.fromEntries(
    [50, 90, 99, 99.9]
      .map((p) => [`p${p}`, histogram.percentile(p) / 1e6])
      .concat([['max', histogram.max / 1e6]]),
  )

async function measure(body) {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  await body()
  histogram.disable()
  return milliseconds(histogram)
}

const text = book()
const model = new LanguageModel({ tokenizer: Tokenizer.characters(text), hidden: 128, seed: 1 })
const tokens = model.tokenizer.encode(text)
const idle = await measure(() => sleep(2000))
const options = { batch: 50, steps: 50, optimizer: optim.adam({ lr: 4e-3 }), maxSeconds }
let result
const training = await measure(async () => (result = await model.fit(tokens, options)))
await model.dispose()
const { step, tokens: learned, seconds } = result
const passed = training.p99 < 10
record('event-loop', { passed, idle, training, steps: step, tokensPerSecond: learned / seconds })
process.exitCode = passed ? 0 : 1
