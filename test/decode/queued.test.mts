/** Steps that are queued together give what steps give that are waited for, one after another. */
import test from 'ava'
import { decode, noGrad, ops, randn, tensor, type Tensor } from 'rnnative'
import { collectGarbage, liveStorages } from '../tensor/live.mjs'

const [VOCABULARY, HIDDEN, POSITIONS] = [13, 6, 4]
const [EOS, BOS] = [0, 1]

/** A recurrent model of random weights, whose steps can be queued. */
class Recurrent {
  readonly first: Tensor
  readonly lengths: readonly number[]
  private readonly embedding = randn([VOCABULARY, HIDDEN], { seed: 2 })
  private readonly weight = randn([HIDDEN, HIDDEN], { seed: 3 })
  private readonly output = randn([VOCABULARY, HIDDEN], { seed: 4 })
  private readonly looks = randn([POSITIONS, HIDDEN], { seed: 5 })
  /** Steps of all decodings. */
  steps = 0

  constructor(
    sources: number,
    readonly layers = 2,
  ) {
    this.first = randn([layers, sources, HIDDEN], { seed: 6 })
    this.lengths = Array.from({ length: sources }, (_, i) => POSITIONS - (i % 3))
  }

  get model(): decode.StateModel {
    return new decode.StateModel({
      ...{ vocabulary: VOCABULARY, bos: BOS, eos: EOS, device: 'cpu', lengths: this.lengths },
      ...{ attends: true, source: {}, state: { h: this.first } },
      step: (ids, { state }) => {
        ++this.steps
        const before = state!['h']!
        const read = ops.add(ops.linear(before, this.weight), ops.embedding(ids, this.embedding))
        const h = ops.tanh(read)
        const top = ops.slice(h, 0, this.layers - 1, 1)
        return {
          logits: ops.affine(ops.linear(top, this.output), 1.5, 0),
          attention: ops.softmax(ops.linear(top, this.looks), -1),
          state: { h },
        }
      },
    })
  }

  [Symbol.dispose](): void {
    for (const x of [this.first, this.embedding, this.weight, this.output, this.looks]) x.dispose()
  }
}

type Hiding = (decoding: decode.Decoding) => Partial<decode.Decoding>

/** The model with another kind of queue, or none. */
const changed = (model: decode.StepModel, change: Hiding): decode.StepModel => {
  const { vocabulary, bos, eos, sources, sourceLengths } = model
  return {
    ...{ vocabulary, bos, eos, sources, sourceLengths },
    start: (beams) => {
      const decoding = model.start(beams)
      return {
        step: (tokens) => decoding.step(tokens),
        take: (rows, kept) => decoding.take(rows, kept),
        dispose: () => decoding.dispose(),
        ...change(decoding),
      }
    },
  }
}
const waiting = (model: decode.StepModel) => changed(model, () => ({}))

const SEARCHES: readonly decode.BeamOptions[] = [
  { beam: 1, maxLength: 25 },
  { beam: 5, maxLength: 25 },
  { beam: 5, nBest: 5, maxLength: 17, lengthPenalty: 1, minLength: 9 },
  { beam: 3, nBest: 2, maxLength: 30, forbidden: [2, 5] },
  { beam: 4, nBest: 4, maxLength: 14, coveragePenalty: 0.4, alignments: true },
  { beam: 4, nBest: 2, maxLength: 20, alignments: true, minLength: 3 },
  { beam: 13, nBest: 13, maxLength: 9 },
  { beam: 40, nBest: 3, maxLength: 5 },
  { beam: 4, maxLength: 12, blockNgrams: 2 },
  { beam: 4, groups: 2, maxLength: 12 },
]

for (const layers of [1, 2])
  for (const sources of [1, 3, 7])
    test.serial(`searches: ${sources} sources, ${layers} layers`, async (t) => {
      using network = new Recurrent(sources, layers)
      for (const options of SEARCHES) {
        const wanted = await decode.beamSearch(waiting(network.model), options)
        t.deepEqual(
          await decode.beamSearch(network.model, options),
          wanted,
          JSON.stringify(options),
        )
        t.true(wanted.every((found) => found.length > 0))
      }
      const prefixes = Array.from({ length: sources }, (_, i) => [3, 4, 2].slice(0, i % 4))
      const maxLength = Array.from({ length: sources }, (_, i) => 4 + 5 * (i % 3))
      const options = { beam: 3, prefixes, maxLength, minLength: 2 }
      const wanted = await decode.beamSearch(waiting(network.model), options)
      t.deepEqual(await decode.beamSearch(network.model, options), wanted)
    })

test.serial('samples, and streams of them', async (t) => {
  for (const sources of [1, 4]) {
    using network = new Recurrent(sources)
    const prefixes = Array.from({ length: sources }, (_, i) => [3, 4, 2].slice(0, i % 3))
    for (const options of [
      { seed: 3, maxLength: 30 },
      { seed: 4, maxLength: 20, samples: 3, topK: 5, prefixes },
      { temperature: 0, maxLength: 25, forbidden: [3] },
      { seed: 5, minLength: 8, maxLength: 11, topP: 0.8 },
    ]) {
      const wanted = await decode.sample(waiting(network.model), options)
      t.deepEqual(await decode.sample(network.model, options), wanted, JSON.stringify(options))
      const { samples = 1, ...one } = options
      if (sources > 1 || samples > 1) continue
      const tokens: number[] = []
      for await (const { token } of decode.stream(network.model, one)) tokens.push(token)
      t.deepEqual(tokens, [...wanted[0]![0]!.tokens])
    }
  }
})

test.serial('ensembles queue where all members do', async (t) => {
  using one = new Recurrent(2)
  using other = new Recurrent(2, 1)
  const options = { beam: 4, nBest: 2, maxLength: 15 }
  const wanted = await decode.beamSearch(
    waiting(decode.ensemble([one.model, other.model])),
    options,
  )
  t.deepEqual(await decode.beamSearch(decode.ensemble([one.model, other.model]), options), wanted)
  const half = decode.ensemble([one.model, waiting(other.model)])
  t.deepEqual(await decode.beamSearch(half, options), wanted)
})

test.serial('tokens that a model writes and cannot read are read as another', async (t) => {
  using network = new Recurrent(2)
  const [known, unknown] = [8, 3]
  const read = (tokens: Int32Array) => tokens.map((id) => (id < known ? id : unknown))
  const model = (queues: boolean) =>
    changed(network.model, (decoding) => ({
      step: (tokens) => decoding.step(read(tokens)),
      queued: queues ? { ...decoding.queued!, reads: { known, unknown } } : null,
    }))
  for (const beam of [1, 4]) {
    const wanted = await decode.beamSearch(model(false), { beam, minLength: 9, maxLength: 20 })
    t.deepEqual(await decode.beamSearch(model(true), { beam, minLength: 9, maxLength: 20 }), wanted)
    t.true(wanted.some(([best]) => best!.tokens.some((id) => id >= known)))
  }
  const drawn = await decode.sample(model(false), { seed: 1, minLength: 9, maxLength: 20 })
  t.deepEqual(await decode.sample(model(true), { seed: 1, minLength: 9, maxLength: 20 }), drawn)
})

test.serial(
  'a search that leaves nothing, and one whose logits cannot be ranked, end as ever',
  async (t) => {
    using network = new Recurrent(2)
    const only = 5
    const none = Float32Array.from({ length: VOCABULARY }, (_, id) => (id === only ? 0 : -Infinity))
    const spoilt = (value: Float32Array) =>
      changed(network.model, (decoding) => {
        let steps = 0
        const spoil = ({ logits, attention }: decode.StepOutput): decode.StepOutput => {
          if (++steps !== 3) return { logits, attention }
          const [rows] = logits.shape as [number]
          logits.dispose()
          const all = Float32Array.from(
            { length: rows * VOCABULARY },
            (_, i) => value[i % VOCABULARY]!,
          )
          return { logits: tensor(all, [rows, VOCABULARY]), attention }
        }
        const { queued } = decoding
        return {
          step: (tokens) => spoil(decoding.step(tokens)),
          queued: { ...queued!, step: (tokens) => spoil(queued!.step(tokens)) },
        }
      })
    for (const beam of [1, 3]) {
      const options = { beam, minLength: 9, maxLength: 20, forbidden: [only] }
      t.deepEqual(await decode.beamSearch(spoilt(none), options), [[], []])
      const code = 'ERR_NONFINITE'
      const nothing = new Float32Array(VOCABULARY).fill(NaN)
      await t.throwsAsync(decode.beamSearch(spoilt(nothing), options), { code })
    }
  },
)

test.serial('few steps are made for nothing, and nothing is left behind', async (t) => {
  using network = new Recurrent(1)
  await collectGarbage()
  const before = await liveStorages()
  for (const beam of [1, 5]) {
    network.steps = 0
    const [[best]] = (await decode.beamSearch(network.model, { beam, maxLength: 60 })) as [
      [decode.Hypothesis],
    ]
    const needed = best.tokens.length + 1
    network.steps = 0
    await decode.beamSearch(waiting(network.model), { beam, maxLength: 60 })
    const waited = network.steps
    t.true(waited >= needed)
    network.steps = 0
    await decode.beamSearch(network.model, { beam, maxLength: 60 })
    t.true(network.steps < waited + 6, `${network.steps} steps, ${waited} waited for`)
  }
  const broken = changed(network.model, ({ queued }) => {
    let steps = 0
    return {
      queued: {
        ...queued!,
        step: (tokens: Tensor) => {
          if (++steps === 3) throw new Error('broken')
          return noGrad(() => queued!.step(tokens))
        },
      },
    }
  })
  await t.throwsAsync(decode.beamSearch(broken, { beam: 2, minLength: 9 }), { message: 'broken' })
  await t.throwsAsync(decode.sample(broken, { seed: 1, minLength: 20 }), { message: 'broken' })
  const aborted = { signal: AbortSignal.abort(), beam: 2 }
  await t.throwsAsync(decode.beamSearch(network.model, aborted), { code: 'ERR_ABORTED' })
  t.is(await liveStorages(), before)
})
