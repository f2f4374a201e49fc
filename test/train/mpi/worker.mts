/**
 * A rank of test/train/mpi.test.mts: trains as it is told on its command line (JSON), and writes what it came to beside
 * others of its run. `stop`: so many milliseconds after a step a rank says that it is now, and sends itself a signal.
 */
import { writeFileSync, writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { LanguageModel, optim, Seq2Seq, Tokenizer } from 'rnnative'
import { launchedRank } from '#dist/mpirun.js'
import { makePairs, makeText } from './data.mjs'

interface Task {
  family: 'language' | 'seq2seq'
  steps: number
  out: string
  checkpoint?: string
  reducePrecision?: 'f32' | 'bf16'
  stop?: { rank: number; step: number; signal?: NodeJS.Signals; after?: number }
  /** Of a Seq2Seq. */
  optimizer?: 'adam' | 'sgd'
  /** First weights are larger or smaller by this share of them. */
  nudge?: number
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
    return { model, fit: () => model.fit(text, { ...common, optimizer, batch: 7, steps: 12 }) }
  }
  const target = Tokenizer.characters('abcdefgh')
  const attention = 'additive'
  const sizes = { hidden: 16, encoder: { bidirectional: true }, dropout: 0.2, seed: 7 }
  const model = new Seq2Seq({ source: target, target, attention, ...sizes })
  const optimizer = task.optimizer === 'adam' ? optim.adam({ lr: 1e-3 }) : optim.sgd({ lr: 0.3 })
  return { model, fit: () => model.fit(makePairs(), { ...common, optimizer, batchTokens: 90 }) }
}

async function halt({ signal, after = 0 }: NonNullable<Task['stop']>): Promise<void> {
  if (after > 0) await setTimeout(after)
  writeSync(1, 'now\n')
  if (signal) process.kill(process.pid, signal)
}

const { model, fit } = begin()
let by = task.nudge ?? 0
for (const parameter of by === 0 ? [] : model.network.parameters())
  parameter.assign((await parameter.data()).map((x) => x * (1 + (by = -by))))
writeFileSync(`${out}.${rank}.pid`, `${process.pid}`)
const losses: number[] = []
for await (const { step, loss } of fit()) {
  losses.push(loss)
  if (stop?.rank === rank && stop.step === step) void halt(stop)
}
const weights: number[] = []
for (const parameter of model.network.parameters()) weights.push(...(await parameter.data()))
writeFileSync(`${out}.${rank}.json`, JSON.stringify({ losses, weights }))
await model.dispose()
