import type { Calls } from '../maker.mjs'

export const embedTrainCalls = {
  embedTrain: (m) => {
    const model = m.pick(['skipgram', 'cbow', 'document', 'documentContext', 'labels'] as const)
    const loss = m.pick(['negative', 'hierarchical', 'softmax'] as const)
    const [words, count, sentences] = [m.extent(1), m.extent(), m.extent()]
    const features = m.pick([16, 32])
    const documents = model.startsWith('document') ? m.extent(1) : null
    // All lists begin at 0, whatever follows.
    const starts = (n: number) => m.ints([n + 1], 1)
    const parts = model !== 'labels' && m.bool()
    const hierarchical = loss === 'hierarchical'
    return [
      {
        ...{ model, loss, window: 1 + m.draw.below(3), shrink: m.bool(), alike: m.bool() },
        ...{ negative: m.draw.below(8), frozen: m.draw.below(4), threads: 1 + m.draw.below(3) },
        classes: 1 + m.draw.below(words),
        ...{ lrBegin: 0.1, lrEnd: 0, random: m.random() },
      },
      m.real([words, features]),
      m.real([words, features]),
      documents === null ? null : m.real([documents, features]),
      m.ints([count], words),
      starts(sentences),
      documents !== null || model === 'labels' ? m.ints([sentences], documents ?? words) : null,
      [
        parts ? starts(words) : null,
        parts ? m.ints([m.extent()], words) : null,
        model !== 'labels' && m.bool() ? m.ints([words], 2 ** 31) : null,
        loss === 'negative' ? m.ints([words, 2], words) : null,
        hierarchical ? starts(words) : null,
        hierarchical ? m.ints([m.extent()], 2 * words) : null,
      ],
    ]
  },
} satisfies Partial<Calls>
