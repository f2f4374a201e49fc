/**
 * A rank of test/train/mpi.test.mts: trains as it is told on its command line (JSON), and writes what it came to beside
 * others of its run. `stop` and `die`: of a rank, at a step.
 */
import { writeFileSync } from 'node:fs'
import { LanguageModel, optim, Seq2Seq, Tokenizer } from 'rnnative'
import { launchedRank } from '#dist/mpirun.js'
import { makePairs, makeText } from './data.mjs'

interface Task {
  family: 'language' | 'seq2seq'
  steps: number
  out: string
  checkpoint?: string
  reducePrecision?: 'f32' | 'bf16'
  stop?: { rank: number; step: number; signal: NodeJS.Signals }
}

const task = JSON.parse(process.argv[2] as string) as Task
const rank = launchedRank() ?? 0
const { family, steps, out, checkpoint, reducePrecision, stop } = task
const common = {
  ...{ maxSteps: steps, parallel: true, reducePrecision },
  ...{ checkpoint, checkpointEvery: 5, resume: checkpoint !== undefined },
}

function begin() {
  if (family === 'language') {
    const text = makeText()
    const tokenizer = Tokenizer.characters(text)
    const model = new LanguageModel({ tokenizer, hidden: 24, layers: 2, dropout: 0.3, seed: 7 })
    const optimizer = optim.adam({ lr: 0.01 })
    return { model, run: model.fit(text, { ...common, optimizer, batch: 7, steps: 12 }) }
  }
  const target = Tokenizer.characters('abcdefgh')
  const attention = 'additive'
  const sizes = { hidden: 16, encoder: { bidirectional: true }, dropout: 0.2, seed: 7 }
  const model = new Seq2Seq({ source: target, target, attention, ...sizes })
  // Adam would magnify what rounding leaves of gradients that are almost zero, after 100 steps and more.
  const optimizer = optim.sgd({ lr: 0.3 })
  return { model, run: model.fit(makePairs(), { ...common, optimizer, batchTokens: 90 }) }
}

const { model, run } = begin()
const losses: number[] = []
for await (const { step, loss } of run) {
  losses.push(loss)
  if (stop?.rank === rank && stop.step === step) process.kill(process.pid, stop.signal)
}
const weights: number[] = []
for (const parameter of model.network.parameters()) weights.push(...(await parameter.data()))
writeFileSync(`${out}.${rank}.json`, JSON.stringify({ losses, weights }))
await model.dispose()
