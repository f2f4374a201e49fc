/** What a model of the caller's own gives is looked at before it is used. */
import test from 'ava'
import { decode, ops, randn, type Tensor } from 'rnnative'

const [VOCABULARY, HIDDEN, POSITIONS, SOURCES] = [7, 4, 3, 2]

const output = randn([VOCABULARY, HIDDEN], { seed: 1 })
const embedding = randn([VOCABULARY, HIDDEN], { seed: 2 })
const first = randn([1, SOURCES, HIDDEN], { seed: 3 })
const kept = randn([2, SOURCES, HIDDEN], { seed: 4 })

type Options = ConstructorParameters<typeof decode.StateModel>[0]

const logitsOf = (ids: Tensor, h: Tensor) =>
  ops.linear(ops.add(ops.embedding(ids, embedding), h), output)

const modelOf = (options: Partial<Options> = {}): decode.StateModel =>
  new decode.StateModel({
    ...{ vocabulary: VOCABULARY, bos: 1, eos: 0, device: 'cpu', attends: false },
    ...{ lengths: new Array<number>(SOURCES).fill(POSITIONS), source: {}, state: { h: first } },
    step: (ids, { state }) => ({
      logits: logitsOf(ids, state!['h']!),
      attention: null,
      state: { h: ops.tanh(state!['h']!) },
    }),
    ...options,
  })

const WAYS: Record<string, (model: decode.StateModel, more?: decode.BeamOptions) => unknown> = {
  greedy: (model, more) => decode.beamSearch(model, { beam: 1, maxLength: 9, ...more }),
  beam: (model, more) => decode.beamSearch(model, { beam: 3, maxLength: 9, ...more }),
  sample: (model) => decode.sample(model, { seed: 1, maxLength: 9 }),
}

for (const [name, search] of Object.entries(WAYS)) {
  test.serial(
    `${name}: a step may hand on the state and the source that it was given`,
    async (t) => {
      const renewed = modelOf({
        source: { kept },
        step: (ids, { state }) => ({
          logits: logitsOf(ids, state!['h']!),
          attention: null,
          state: { h: ops.affine(state!['h']!, 1, 0) },
        }),
      })
      const same = modelOf({
        source: { kept },
        step: (ids, { state, beams, source }) => ({
          logits: logitsOf(ids, state!['h']!),
          attention: null,
          state: beams === 1 ? { h: state!['h']!, again: state!['h']!, ...source } : state!,
        }),
      })
      t.deepEqual(await search(same), await search(renewed))
      t.is((await kept.data()).length, kept.size)
      t.is((await first.data()).length, first.size)
    },
  )

  test.serial(`${name}: what a step gives is refused by name`, async (t) => {
    const refused = async (given: unknown, message: string, code = 'ERR_ARGUMENT') => {
      const step = ((ids: Tensor, context: decode.StepContext) =>
        typeof given === 'function' ? given(ids, context) : given) as Options['step']
      await t.throwsAsync(async () => search(modelOf({ step })), {
        code,
        message: `[stateModel] ${message}`,
      })
    }
    const beside =
      (changed: object) =>
      (ids: Tensor, { state }: decode.StepContext) => ({
        logits: logitsOf(ids, state!['h']!),
        attention: null,
        state,
        ...changed,
      })
    const words = 'expected a function that returns { logits, attention, state }'
    await refused(undefined, `step: ${words}, got undefined`)
    await refused('x', `step: ${words}, got "x"`)
    await refused(Promise.resolve({}), `step: ${words}, got a promise`)
    await refused(beside({ logits: 'x' }), 'logits: expected a tensor, got "x"')
    await refused(beside({ attention: undefined }), 'attention: expected a tensor, got undefined')
    await refused(
      beside({ state: undefined }),
      'state: expected an object of tensors, got undefined',
    )
    await refused(beside({ state: { h: 1 } }), 'state.h: expected a tensor, got 1')
    const rows = SOURCES
    const flat = (ids: Tensor, { state }: decode.StepContext) => {
      const logits = logitsOf(ids, state!['h']!)
      return { logits: ops.reshape(logits, logits.shape.slice(1)), attention: null, state }
    }
    const wanted = `logits: expected [1, ${rows}, ${VOCABULARY}]`
    await refused(flat, `${wanted}, got [${rows}, ${VOCABULARY}]`, 'ERR_SHAPE')
    const other = randn([1, 5, HIDDEN])
    await refused(
      beside({ state: { h: other } }),
      `state.h: expected [..., ${rows}, features], got [1, 5, ${HIDDEN}]`,
      'ERR_SHAPE',
    )
  })
}

test('attention that does not reach over a source is refused where it is asked for', async (t) => {
  const model = modelOf({
    attends: true,
    step: (ids, { state }) => ({
      logits: logitsOf(ids, state!['h']!),
      attention: randn([1, ids.size, POSITIONS - 1]),
      state: state!,
    }),
  })
  for (const beam of [1, 3])
    await t.throwsAsync(decode.beamSearch(model, { beam, maxLength: 5, alignments: true }), {
      code: 'ERR_SHAPE',
      message: /^\[beam\] attention: expected 3 positions or more, got \[\d, 2\]$/,
    })
})

test('options that make no sense are refused by name', (t) => {
  const refused = (options: object, message: string, code = 'ERR_ARGUMENT') =>
    t.throws(() => modelOf(options), { code, message: `[stateModel] ${message}` })
  refused({ eos: VOCABULARY }, `eos: expected a token of 0..${VOCABULARY - 1}, got ${VOCABULARY}`)
  refused({ attends: 'x' }, 'attends: expected true or false, got "x"')
  refused({ source: { kept: 1 } }, 'source.kept: expected a tensor, got 1')
  refused({ state: 'x' }, 'state: expected an object of tensors, got "x"')
  refused(
    { state: { h: randn([1, 5, 2]) } },
    `state.h: expected [..., ${SOURCES}, features], got [1, 5, 2]`,
    'ERR_SHAPE',
  )
})
