// What the acceptance runs of sequence-to-sequence models share.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { info, Seq2Seq } from 'rnnative'
import { circumstances } from '../circumstances.mjs'

export const DATA = path.resolve(import.meta.dirname, '../../../shared/data')
const RESULTS = path.resolve(import.meta.dirname, '../results')

/** Writes bench/results/NAME.json, the machine and the day first. */
export function record(name, result) {
  mkdirSync(RESULTS, { recursive: true })
  const file = path.join(RESULTS, `${name}.json`)
  const { date, cpu } = circumstances()
  const { threads, isa } = info()
  const whole = { date: date.slice(0, 10), cpu, threads, isa, ...result }
  writeFileSync(file, `${JSON.stringify(whole, null, 2)}\n`)
  console.log(`recorded in ${file}`)
}

/**
 * Trains to the end of `options`, telling how it goes every so often; gives the curve and the result.
 * With a `checkpoint` the best one by validation loss is kept there.
 */
export async function train(model, pairs, options) {
  const run = model.fit(pairs, options)
  const curve = []
  let [told, tokens] = [0, 0]
  for await (const event of run) {
    const { step, epoch, loss, seconds, validation } = event
    if (validation) {
      const speed = Math.round((event.tokens - tokens) / (seconds - (curve.at(-1)?.seconds ?? 0)))
      curve.push({
        step,
        seconds: Math.round(seconds),
        loss: validation.loss,
        tokensPerSecond: speed,
      })
      tokens = event.tokens
      console.log(
        `epoch ${epoch} step ${step} ${seconds.toFixed(0)} s: validation ${validation.loss.toFixed(4)}, ${speed} tokens/s`,
      )
    } else if (seconds - told > 30) {
      told = seconds
      console.log(`epoch ${epoch} step ${step} ${seconds.toFixed(0)} s: loss ${loss.toFixed(4)}`)
    }
  }
  const { step, epochs, seconds, tokens: learned, best } = await run
  return { curve, step, epochs, seconds: Math.round(seconds), tokens: learned, best }
}

/** Seconds that `body` takes, and what it gives. */
export async function timed(body) {
  const begin = performance.now()
  const result = await body()
  return { seconds: (performance.now() - begin) / 1000, result }
}

/** The best checkpoint of a directory. */
export const load = (directory) => Seq2Seq.load(directory)
