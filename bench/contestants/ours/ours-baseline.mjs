// A classical baseline from raw texts, learned and asked: sklearn_peer.py is the same for scikit-learn.
import { readFileSync } from 'node:fs'
import { MaxEnt, NaiveBayes } from '#dist/index.js'
import { timed } from '../../measure/serve.mjs'

const make = ({ kind, ...options }) =>
  kind === 'max-ent' ? new MaxEnt(options) : new NaiveBayes(options)
/** As much as scikit-learn tells; `explained`: with the terms that weighed most, as `predict` does unless told otherwise. */
const ASKING = { plain: { terms: 0 }, explained: {} }

export async function prepareBaseline({ work, texts, options, asking = 'plain' }) {
  const { learned, asked } = JSON.parse(readFileSync(texts, 'utf8'))
  const model = make(options)
  await model.fit(learned)
  const { accuracy } = await model.evaluate(asked)
  const questions = asked.map(({ text }) => text)
  const runs = {
    fit: () => make(options).fit(learned),
    predict: () => model.predict(questions, ASKING[asking]),
    async one() {
      for (const text of questions.slice(0, 100)) await model.predict([text], ASKING[asking])
    },
  }
  return { runs: timed(runs[work]), details: { accuracy } }
}
