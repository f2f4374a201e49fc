// Training steps of a translator through Seq2Seq.fit, on sentences of one length.
import { optim, Seq2Seq, synchronize, Tokenizer } from '#dist/index.js'
import { fitSteps } from '../contestants/ours/ours-language.mjs'

const BATCHES = 4

export async function prepareTranslation(task) {
  const { vocabulary, layers, hidden, batch, words, precision, device } = task
  const all = Array.from({ length: vocabulary - 4 }, (_, i) => `w${i}`) // and <unk>, <s>, </s>, <pad>
  const tokenizer = Tokenizer.spaces(all.join(' '), { vocabulary }).withBoundaries()
  // The source's end is a token as well, and the target's.
  const sentence = (first) =>
    Array.from({ length: words - 1 }, (_, i) => all[(first + 7919 * i) % all.length]).join(' ')
  const pairs = Array.from({ length: BATCHES * batch }, (_, i) => [
    sentence(31 * i),
    sentence(37 * i + 1),
  ])
  const model = new Seq2Seq({
    ...{ source: tokenizer, target: tokenizer, seed: 1, cell: 'lstm', attention: 'none' },
    ...{ layers, hidden, embedding: hidden, precision, device },
  })
  await synchronize()
  const options = { batchTokens: 2 * words * batch, clipNorm: 5, optimizer: optim.sgd({ lr: 0.7 }) }
  return {
    runs: (count) => fitSteps(model, pairs, options, count),
    dispose: () => model.dispose(),
  }
}
