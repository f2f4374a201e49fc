import test, { type ExecutionContext } from 'ava'
import { decode, nn, noGrad, ops, randn, scope, tensor } from 'rnnative'
import { collectGarbage, liveStorages } from '../tensor/live.mjs'

const [VOCABULARY, HIDDEN, POSITIONS] = [11, 8, 6]
const LENGTHS = [6, 1, 4, 3, 5]
const [EOS, BOS] = [0, 1]
const ALL = LENGTHS.map((_, i) => i)

/** An untrained attentional decoder, sure of itself, and five sources for it. */
class Network {
  readonly decoder: nn.AttentionDecoder
  readonly embedding = new nn.Embedding(VOCABULARY, HIDDEN, { seed: 2 })
  readonly output: nn.Linear
  readonly memory = randn([POSITIONS, LENGTHS.length, HIDDEN], { seed: 4 })
  readonly first = randn([2, LENGTHS.length, HIDDEN], { seed: 5 })
  readonly lstm: boolean

  constructor(feeding: nn.Feeding, attention: nn.AttentionKind) {
    this.lstm = feeding !== 'context'
    this.decoder = new nn.AttentionDecoder({
      ...{ cell: this.lstm ? 'lstm' : 'gru', input: HIDDEN, hidden: HIDDEN, layers: 2 },
      ...{ memory: HIDDEN, attention, feeding, dropout: 0.3, seed: 1 },
    })
    const width = this.lstm ? HIDDEN : 2 * HIDDEN
    this.output = new nn.Linear(width, VOCABULARY, { seed: 3 })
  }

  project({ output, context }: ops.DecoderResult) {
    const read = context ? ops.concat([output, context], -1) : output
    return ops.affine(this.output.forward(read), 9, 0)
  }

  state(sources: number[]): nn.DecoderState {
    const h = ops.takeRows(this.first, sources)
    return this.lstm ? { h, c: ops.takeRows(this.first, sources) } : { h }
  }

  /** Over some of the sources. */
  async over<T>(sources: number[], use: (model: decode.StepModel) => Promise<T>): Promise<T> {
    using memory = ops.takeRows(this.memory, sources)
    const state = this.state(sources)
    using model = new decode.DecoderModel({
      ...{ decoder: this.decoder, vocabulary: VOCABULARY, bos: BOS, eos: EOS, memory, state },
      memoryLengths: sources.map((i) => LENGTHS[i] as number),
      embed: (ids) => this.embedding.forward(ids),
      project: (result) => this.project(result),
    })
    try {
      return await use(model)
    } finally {
      state.h.dispose()
      state.c?.dispose()
    }
  }

  /** All steps of a target and its end at once. */
  async forced(source: number, target: ArrayLike<number>) {
    const read = Int32Array.of(BOS, ...Array.from(target))
    const { logs, weights } = scope(() =>
      noGrad(() => {
        const inputs = this.embedding.forward(tensor(read, [read.length, 1]))
        const made = this.decoder.forward(inputs, ops.takeRows(this.memory, [source]), {
          state: this.state([source]),
          memoryLengths: [LENGTHS[source] as number],
        })
        return { logs: ops.logSoftmax(this.project(made)), weights: made.weights }
      }),
    )
    const [values, attention] = [await logs.data(), await weights.data()]
    for (const x of [logs, weights]) x.dispose()
    const wanted = [...Array.from(target), EOS]
    return {
      logProbabilities: wanted.map((id, step) => values[step * VOCABULARY + id] as number),
      attention: wanted.map((_, step) => attention.subarray(step * POSITIONS)),
    }
  }

  [Symbol.dispose](): void {
    for (const x of [this.decoder, this.embedding, this.output, this.memory, this.first])
      x.dispose()
  }
}

const near = (t: ExecutionContext, a: number, b: number) =>
  t.true(Math.abs(a - b) < 1e-4, `${a} and ${b}`)

for (const [feeding, kind] of [
  ['context', 'additive'],
  ['output', 'general'],
  ['none', 'dot'],
] as const)
  test.serial(`${feeding}, ${kind}: beams of an attentional decoder`, async (t) => {
    await collectGarbage()
    const before = await liveStorages()
    {
      using network = new Network(feeding, kind)
      const options = {
        ...{ beam: 4, nBest: 2, minLength: 2, maxLength: [9, 3, 14, 5, 12] },
        ...{ lengthPenalty: 0.7, coveragePenalty: 0.1, alignments: true },
      }
      const found = await network.over(ALL, (model) => decode.beamSearch(model, options))
      for (const [i, own] of found.entries()) {
        t.is(own.length, 2)
        for (const { tokens, logProbability, logProbabilities, alignments } of own) {
          const wanted = await network.forced(i, tokens)
          near(
            t,
            logProbability,
            wanted.logProbabilities.reduce((a, b) => a + b, 0),
          )
          logProbabilities.forEach((x, step) => near(t, x, wanted.logProbabilities[step]!))
          alignments!.forEach((weights, step) => {
            t.is(weights.length, LENGTHS[i])
            weights.forEach((w, j) => near(t, w, wanted.attention[step]![j]!))
          })
        }
        const [alone] = await network.over([i], (model) =>
          decode.beamSearch(model, { ...options, maxLength: options.maxLength[i]! }),
        )
        t.deepEqual(
          alone!.map(({ tokens }) => tokens),
          own.map(({ tokens }) => tokens),
        )
        alone!.forEach(({ score }, k) => near(t, score, own[k]!.score))
      }
      const targets = found.map(([best]) => best!.tokens)
      const scored = await network.over(ALL, (model) => decode.scoreTargets(model, targets))
      scored.forEach(({ logProbability }, i) =>
        near(t, logProbability, found[i]![0]!.logProbability),
      )
      const drawn = { seed: 5, maxLength: 12, samples: 2 }
      const samples = await network.over(ALL, (model) => decode.sample(model, drawn))
      const [third] = await network.over([2], (model) =>
        decode.sample(model, { ...drawn, streams: [2] }),
      )
      t.deepEqual(
        third!.map(({ tokens }) => tokens),
        samples[2]!.map(({ tokens }) => tokens),
      )
    }
    t.is(await liveStorages(), before)
  })
