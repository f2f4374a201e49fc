import { optim, Seq2Seq, Tokenizer, type Pair, type Seq2SeqFitOptions } from 'rnnative'
import type { Seq2SeqModelOptions } from 'rnnative'

const LETTERS = 'abcdef'

/** Words and their reversals: learnable, and always the same. */
export function makePairs(count: number, seed = 1): [string, string][] {
  let state = seed
  const draw = (n: number) => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return (state >> 8) % n
  }
  return Array.from({ length: count }, () => {
    const letters = Array.from({ length: 1 + draw(5) }, () => LETTERS[draw(6)] as string)
    return [letters.join(''), letters.reverse().join('')]
  })
}

export const pairs: Pair[] = makePairs(80)
/** To decode from. */
export const SOURCES = ['abc', '', 'fedcb', 'a', 'bb', 'cafe']
export const tokenizer = Tokenizer.characters(LETTERS)

export const makeSeq2Seq = (options: Partial<Seq2SeqModelOptions> = {}): Seq2Seq =>
  new Seq2Seq({ source: tokenizer, target: tokenizer, hidden: 12, seed: 3, ...options })

export const fitOptions = (): Seq2SeqFitOptions => ({
  batchTokens: 60,
  optimizer: optim.adam({ lr: 0.01 }),
})

/** One network of each kind. */
export const VARIANTS: Record<string, Partial<Seq2SeqModelOptions>> = {
  'Sutskever: deep LSTMs, reversed source, no attention': {
    ...{ layers: 3, attention: 'none', reverseSource: true },
  },
  'Cho: GRU, summary fed at each step': { cell: 'gru', attention: 'none', feedSummary: true },
  'Bahdanau: bidirectional GRU, additive': { cell: 'gru', encoder: { bidirectional: true } },
  'Luong: dot, input feeding': {
    ...{ layers: 2, attention: 'dot', inputFeeding: true, encoder: { bidirectional: true } },
  },
  'general, no feeding, tied target, reversed': {
    ...{ attention: 'general', tieEmbeddings: 'target', embedding: 7, reverseSource: true },
  },
  'residual, additive': { layers: 3, residual: true, encoder: { bidirectional: true, layers: 2 } },
  'residual GRU, input feeding, all tied': {
    ...{ cell: 'gru', layers: 2, residual: true, inputFeeding: true, attention: 'concat' },
    ...{ tieEmbeddings: 'all', embedding: 12 },
  },
  'residual, no attention, tied, other sizes': {
    ...{ layers: 2, residual: true, attention: 'none', tieEmbeddings: 'target', embedding: 5 },
    encoder: { layers: 1, hidden: 9 },
  },
  'RNN, scaled dot, no bridge': { cell: 'rnn', attention: 'scaled-dot', bridge: 'zero' },
  'deep LSTM, additive, no bridge': { layers: 2, bridge: 'zero', embedding: 7, attentionSize: 5 },
  'copy from a bidirectional encoder': { encoder: { bidirectional: true }, bridge: 'copy' },
  'copies words, tied target': { copy: true, tieEmbeddings: 'target', embedding: 7 },
  'bf16, no attention': { precision: 'bf16', attention: 'none', feedSummary: true, layers: 2 },
}
