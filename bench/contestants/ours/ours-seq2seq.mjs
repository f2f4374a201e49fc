// Seq2Seq: whole training steps over given batches, and `translate`.
import { writeFileSync } from 'node:fs'
import { optim, Seq2Seq, Tokenizer } from '#dist/index.js'
import { PairSet } from '#dist/data/index.js'
import { Seq2SeqTask } from '#dist/models/seq2seq/task.js'
import { RandomContext } from '#dist/nn/index.js'
import { withInputs } from '#dist/train/task.js'
import { multi30k } from '../../measure/multi30k.mjs'
import { timed } from '../../measure/serve.mjs'

/** Bahdanau et al. 2015 with 256 of everything; torch_seq2seq.py has the same. */
export const makeModel = (tokenizer) =>
  new Seq2Seq({
    ...{ source: tokenizer, target: tokenizer, seed: 1, cell: 'gru', attention: 'additive' },
    ...{ hidden: 256, embedding: 256, layers: 1, encoder: { bidirectional: true } },
  })

/** A run is a step for each of the first `count` batches of a pass, as `fit` makes it. */
export async function prepareSeq2Seq({ tokenizer, batchTokens, count, seed, clipNorm }) {
  const model = makeModel(await Tokenizer.load(tokenizer))
  const { network } = model
  const task = new Seq2SeqTask(network, await PairSet.encode(await multi30k('train'), model), {
    ...{ batchTokens, seed, labelSmoothing: 0, scheduledSampling: null },
  })
  const random = new RandomContext({ seed })
  network.setRandom(random)
  const optimizer = optim.adam({ lr: 1e-3 }).bind(network)
  const step = async (index) => {
    optimizer.zeroGrad()
    const plan = task.step(index, index + 1, random, false)
    const losses = withInputs(plan.inputs, 'cpu', plan.gradient)
    const scalars = [optimizer.step({ clipNorm }), ...losses]
    await Promise.all(scalars.map((scalar) => scalar.item()))
    for (const scalar of scalars) scalar.dispose()
  }
  return {
    runs: timed(async () => {
      for (let index = 0; index < count; ++index) await step(index)
    }),
    dispose: () => {
      optimizer.dispose()
      return model.dispose()
    },
  }
}

/** A run translates all of test_2016_flickr. What the first one finds is written to `out`. */
export async function prepareTranslation({ directory, beam, lengthPenalty, batch, out }) {
  const model = await Seq2Seq.load(directory)
  const sources = (await multi30k('test_2016_flickr')).map(([source]) => source)
  const run = () => model.translate(sources, { beam, lengthPenalty, batch })
  writeFileSync(out, JSON.stringify((await run()).map(({ tokens }) => Array.from(tokens))))
  return { runs: timed(run), dispose: () => model.dispose() }
}
