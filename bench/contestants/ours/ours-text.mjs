// A pass of `fit` over raw texts: what a user of TextClassifier or SequenceTagger waits for, reading included.
import { readFileSync } from 'node:fs'
import { optim, SequenceTagger, TextClassifier } from '#dist/index.js'
import { timed } from '../../measure/serve.mjs'

const passes = (model, examples, { batch, lr, clipNorm }) => ({
  runs: timed(() =>
    model.fit(examples, { epochs: 1, batch, clipNorm, optimizer: optim.adam({ lr }) }),
  ),
  dispose: () => model.dispose(),
})

export async function prepareTextClassifier({ texts, options, training }) {
  const examples = JSON.parse(readFileSync(texts, 'utf8'))
  return passes(await TextClassifier.for(examples, options), examples, training)
}

export function prepareTagger({ texts, options, training }) {
  const sentences = JSON.parse(readFileSync(texts, 'utf8'))
  const vocabulary = SequenceTagger.vocabulary(sentences)
  return passes(new SequenceTagger({ vocabulary, ...options }), sentences, training)
}
