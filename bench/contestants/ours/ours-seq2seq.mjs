// Seq2Seq: whole training steps over given batches, and `translate`.
import { writeFileSync } from 'node:fs'
import { optim, Seq2Seq, Tokenizer } from '#dist/index.js'
import { PairSet } from '#dist/data/index.js'
import { PairFeed, Seq2SeqTask } from '#dist/models/seq2seq/task.js'
import { TrainingLoop } from '#dist/train/loop.js'
import { Run } from '#dist/train/run.js'
import { multi30k } from '../../measure/multi30k.mjs'
import { timed } from '../../measure/serve.mjs'

/** Bahdanau et al. 2015 with 256 of everything; torch_seq2seq.py has the same. */
export const makeModel = (tokenizer) =>
  new Seq2Seq({
    ...{ source: tokenizer, target: tokenizer, seed: 1, cell: 'gru', attention: 'additive' },
    ...{ hidden: 256, embedding: 256, layers: 1, encoder: { bidirectional: true } },
  })

/** A run is a step for each of the first `count` batches of a pass, by `fit`'s own loop. */
export async function prepareSeq2Seq({ tokenizer, batchTokens, count, seed, clipNorm }) {
  const model = makeModel(await Tokenizer.load(tokenizer))
  const pairs = await PairSet.encode(await multi30k('train'), model)
  const objective = new Seq2SeqTask(model.network, {
    ...{ labelSmoothing: 0, seed, files: async () => ({ json: {}, tensors: {} }) },
    vocabularies: { source: model.source.size, target: model.target.size },
  })
  const feed = new PairFeed(pairs, '', batchTokens, seed)
  const settings = { optimizer: optim.adam({ lr: 1e-3 }), clipNorm, seed, perStep: 1 }
  const train = async () => {
    const loop = new TrainingLoop(objective, feed, { ...settings, maxSteps: count })
    try {
      await new Run((context) => loop.run(context))
    } finally {
      loop.dispose()
    }
  }
  return { runs: timed(train), dispose: () => model.dispose() }
}

/** A run translates all of test_2016_flickr. What the first one finds is written to `out`. */
export async function prepareTranslation({ directory, beam, lengthPenalty, batch, out }) {
  const model = await Seq2Seq.load(directory)
  const sources = (await multi30k('test_2016_flickr')).map(([source]) => source)
  const run = () => model.translate(sources, { beam, lengthPenalty, batch })
  writeFileSync(out, JSON.stringify((await run()).map(({ tokens }) => Array.from(tokens))))
  return { runs: timed(run), dispose: () => model.dispose() }
}
