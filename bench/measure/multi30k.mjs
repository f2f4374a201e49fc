// Multi30k, English to German, normalised and tokenised: what both sides of bench/seq2seq.mjs learn from
// and translate.
import path from 'node:path'
import { encodeSource, encodeSources, PairBatches, PairSet, readPairs } from '#dist/data/index.js'
import { DATA } from '../acceptance/seq2seq.mjs'

const folder = path.join(DATA, 'translation/multi30k/tok')

/** Pairs of lines: `train`, `val` or `test_2016_flickr`. */
export const multi30k = (name) =>
  readPairs(...['en', 'de'].map((side) => path.join(folder, `${name}.lc.norm.tok.${side}.gz`)))

/**
 * The first batches of the pass that `Seq2SeqTask` makes of these pairs with this seed: each
 * `{ pairs: [source ids, target ids][], tokens }`, the targets without `<s>` and `</s>`.
 */
export async function firstBatches(pairs, model, { batchTokens, count, seed }) {
  const batches = new PairBatches(await PairSet.encode(pairs, model), { batchTokens, seed })
  const encoded = async ([source, target]) =>
    [await encodeSource(source, model), model.target.encode(target)].map((ids) => Array.from(ids))
  const first = Array.from({ length: count }, async (_, index) => ({
    pairs: await Promise.all(Array.from(batches.indices(0, index), (i) => encoded(pairs[i]))),
    tokens: batches.batch(0, index).tokens,
  }))
  return Promise.all(first)
}

/** The test set's sources as the model reads them. */
export async function testSources(model) {
  const sources = (await multi30k('test_2016_flickr')).map(([source]) => source)
  return (await encodeSources(sources, model)).map((ids) => Array.from(ids))
}
