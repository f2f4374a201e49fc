import test from 'ava'
import { noGrad, nn, ops, randn, type Tensor } from 'rnnative'

const FEEDINGS: nn.Feeding[] = ['context', 'output', 'none']
const KINDS: nn.AttentionKind[] = ['additive', 'general', 'dot']

const build = (
  feeding: nn.Feeding,
  attention: nn.AttentionKind = 'additive',
  precision: nn.AttentionDecoderOptions['precision'] = 'f32',
) =>
  new nn.AttentionDecoder({
    precision,
    ...{ cell: feeding === 'context' ? 'gru' : 'lstm', input: 3, hidden: 5, layers: 2, memory: 5 },
    ...{ attention, feeding, attentionSize: 4, seed: 1 },
  })

const close = async (t: import('ava').ExecutionContext, a: Tensor, b: Tensor, what: string) => {
  const [x, y] = [await a.data(), await b.data()]
  const worst = Math.max(0, ...Array.from(x, (value, i) => Math.abs(value - (y[i] as number))))
  t.true(worst < 1e-6, `${what}: ${worst}`)
}

for (const feeding of FEEDINGS) {
  test(`${feeding}: gradients for every parameter`, async (t) => {
    for (const kind of KINDS) {
      using layer = build(feeding, kind)
      using x = randn([4, 3, 3], { seed: 2, requiresGrad: true })
      using memory = randn([6, 3, 5], { seed: 3, requiresGrad: true })
      const made = layer.forward(x, memory, { lengths: [4, 0, 2], memoryLengths: [6, 2, 3] })
      using squares = ops.square(made.output)
      using loss = ops.sum(squares)
      loss.backward()
      for (const [name, p] of [...layer.namedParameters(), ['x', x], ['m', memory]] as const) {
        const gradient = Array.from((await p.grad?.data()) ?? [])
        t.true(gradient.some((g) => g !== 0) && gradient.every(Number.isFinite), `${kind} ${name}`)
      }
      const names = [...layer.namedParameters()].map(([name]) => name)
      t.is(names[0], 'weight_ih_l0')
      t.is(names.includes('weight_out'), feeding !== 'context')
      t.is(names.includes('attention.v'), kind === 'additive')
      for (const tensor of [made.output, made.context, made.weights, ...Object.values(made.state)])
        (tensor as Tensor | null)?.dispose()
    }
  })
}

for (const precision of ['f32', 'int8'] as const)
  for (const feeding of FEEDINGS) {
    test(`${feeding}, ${precision}: one step at a time equals the whole sequence`, async (t) => {
      using layer = build(feeding, 'additive', precision).eval()
      using x = randn([4, 3, 3], { seed: 2 })
      using memory = randn([6, 3, 5], { seed: 3 })
      const memoryLengths = [6, 0, 3]
      const { whole, state, joined } = noGrad(() => {
        const keys = layer.attention.keys(memory)
        const whole = layer.forward(x, memory, { memoryLengths })
        let state = null as nn.DecoderState | null
        const steps: Tensor[] = []
        for (let step = 0; step < 4; ++step) {
          const made = layer.forward(x.slice(step, 1), memory, { memoryLengths, keys, state })
          steps.push(made.output)
          state = made.state
        }
        return { whole, state, joined: ops.concat(steps, 0) }
      })
      await close(t, joined, whole.output, 'output')
      await close(t, state!.h, whole.state.h, 'h')
      if (whole.state.fed) await close(t, state!.fed!, whole.state.fed, 'fed')
    })

    test(`${feeding}, ${precision}: hypotheses share their memory`, async (t) => {
      using layer = build(feeding, 'additive', precision).eval()
      using x = randn([2, 6, 3], { seed: 2 })
      using memory = randn([4, 2, 5], { seed: 3 })
      const [shared, repeated] = noGrad(() => {
        const rows = [0, 0, 0, 1, 1, 1].map((row) => ops.slice(memory, 1, row, 1))
        return [
          layer.forward(x, memory, { beams: 3, memoryLengths: [4, 2] }),
          layer.forward(x, ops.concat(rows, 1), { memoryLengths: [4, 4, 4, 2, 2, 2] }),
        ] as const
      })
      await close(t, shared.output, repeated.output, 'output')
      await close(t, shared.weights, repeated.weights, 'weights')
    })

    test(`${feeding}, ${precision}: rows end where their lengths say`, async (t) => {
      using layer = build(feeding, 'additive', precision).eval()
      using x = randn([4, 3, 3], { seed: 2 })
      using memory = randn([6, 3, 5], { seed: 3 })
      const lengths = [4, 0, 2]
      const made = noGrad(() => layer.forward(x, memory, { lengths, memoryLengths: [6, 2, 3] }))
      for (const [row, length] of lengths.entries()) {
        const alone = noGrad(() =>
          layer.forward(x.slice(0, length), memory, { memoryLengths: [6, 2, 3] }),
        )
        const own = (y: Tensor, axis = 1) => ops.slice(y, axis, row, 1)
        await close(t, own(made.output.slice(0, length)), own(alone.output), `output ${row}`)
        await close(t, own(made.weights.slice(0, length)), own(alone.weights), `weights ${row}`)
        await close(t, own(made.state.h), own(alone.state.h), `h ${row}`)
        if (made.state.c) await close(t, own(made.state.c), own(alone.state.c!), `c ${row}`)
        if (made.state.fed) await close(t, own(made.state.fed, 0), own(alone.state.fed!, 0), 'fed')
        const rest = await own(made.output.slice(length, 4 - length)).data()
        t.true(rest.every((value) => value === 0))
      }
    })
  }

test('int8: as in f32, nearly; not with gradients, nor dropout', async (t) => {
  for (const feeding of FEEDINGS) {
    using single = build(feeding)
    using layer = build(feeding, 'additive', 'int8')
    using x = randn([4, 3, 3], { seed: 2 })
    using memory = randn([6, 3, 5], { seed: 3 })
    t.throws(() => layer.forward(x, memory), { code: 'ERR_UNSUPPORTED', message: /int8/ })
    const [exact, rounded] = noGrad(() => [single.forward(x, memory), layer.forward(x, memory)])
    const [a, b] = [await exact!.output.data(), await rounded!.output.data()]
    const worst = Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))))
    t.true(worst > 0 && worst < 0.02, `${feeding}: ${worst}`)
    using dropping = new nn.AttentionDecoder({
      ...{ cell: 'gru', input: 3, hidden: 5, memory: 5, attention: 'dot', feeding },
      ...{ dropout: 0.5, precision: 'int8' },
    })
    const refused = { code: 'ERR_UNSUPPORTED', message: /precision: expected f32 or bf16/ }
    t.throws(() => noGrad(() => dropping.forward(x, memory)), refused)
  }
})

test('dropout draws anew while training only', async (t) => {
  for (const feeding of FEEDINGS) {
    using layer = new nn.AttentionDecoder({
      ...{ cell: 'lstm', input: 3, hidden: 5, layers: 2, memory: 5, attention: 'dot' },
      ...{ feeding, dropout: 0.5, seed: 1 },
    })
    using x = randn([4, 3, 3], { seed: 2 })
    using memory = randn([6, 3, 5], { seed: 3 })
    const run = async (): Promise<string> =>
      String(await noGrad(() => layer.forward(x, memory)).output.data())
    t.not(await run(), await run())
    layer.eval()
    t.is(await run(), await run())
  }
})

test('nonsense is refused by name', (t) => {
  t.throws(() => build('input' as 'none'), {
    code: 'ERR_ARGUMENT',
    message: '[attentionDecoder] feeding: expected one of context, output, none, got "input"',
  })
  const sizes = { input: 3, hidden: 5, memory: 5 }
  const options = { ...sizes, cell: 'rnn' as 'gru', attention: 'dot', feeding: 'none' } as const
  t.throws(() => new nn.AttentionDecoder(options), { code: 'ERR_ARGUMENT', message: /cell/ })
  const swish = { input: 2, hidden: 2, nonlinearity: 'swish' as 'relu' }
  t.throws(() => new nn.RNN(swish), { code: 'ERR_ARGUMENT', message: /nonlinearity/ })
})
