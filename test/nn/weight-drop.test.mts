/** `weightDrop`: DropConnect of the recurrent weights (Merity et al. 2017). */
import test from 'ava'
import { nn, ops, randn, Seq2Seq, tensor, Tokenizer, type Tensor } from 'rnnative'
import { makeRecurrent } from '#dist/nn/recurrent.js'
import { golden } from '../support/golden.mjs'
import { DEVICES } from '../support/op.mjs'

interface Case {
  cell: ops.Cell
  activations: { candidate: ops.Activation | null }
  layers: number
  directions: 1 | 2
  input: number
  hidden: number
  p: number
  keys: [number, number][]
  step: number
}

const read = async (x: Tensor | null | undefined) => Array.from((await x?.data()) ?? [])

/** Draws what PyTorch's masks were made of. */
class Golden extends nn.RandomContext {
  constructor(private readonly of: Case) {
    super()
  }
  override draw(path: string) {
    const [, layer, reverse] = /weight_hh_l(\d)(_reverse)?$/.exec(path) ?? []
    const run = Number(layer) * this.of.directions + (reverse ? 1 : 0)
    return { key: Uint32Array.from(this.of.keys[run] ?? []), step: this.of.step, sampleBase: 3 }
  }
}

for (const { name, settings, tensors } of await golden<Case>('weight_drop'))
  for (const device of DEVICES)
    test(`PyTorch, ${name}, ${device}: outputs and gradients`, async (t) => {
      const { cell, layers, directions, input, hidden, p } = settings
      const candidate = settings.activations.candidate ?? undefined
      const sizes = { input, hidden, layers, bidirectional: directions === 2 }
      using layer = makeRecurrent(cell, {
        ...{ ...sizes, weightDrop: p, device },
        activations: { candidate },
      })
      layer.setRandom(new Golden(settings))
      const given = (key: string) => {
        const { shape, data } = tensors[key]!
        return tensor(data, shape, { device })
      }
      for (const [key, parameter] of layer.namedParameters()) parameter.assign(given(key))
      const x = given('x')
      x.requiresGrad = true
      const { output, state } = layer.forward(x)
      const loss = ops.add(
        ops.sum(ops.mul(output, given('dy'))),
        ops.sum(ops.mul(state.h, given('dhn'))),
      )
      loss.backward()
      const tolerance = device === 'reference' ? 1e-12 : 1e-5
      const near = async (key: string, actual: Tensor | null) => {
        const expected = Array.from(tensors[key]!.data)
        const values = await read(actual)
        t.is(values.length, expected.length, key)
        const scale = Math.max(...expected.map(Math.abs))
        const worst = Math.max(...values.map((v, i) => Math.abs(v - expected[i]!))) / scale
        t.true(worst <= tolerance, `${key}: ${worst}`)
      }
      await near('y', output)
      await near('hn', state.h)
      await near('grad_x', x.grad)
      for (const [key, { grad }] of layer.namedParameters()) await near(`grad_${key}`, grad)
    })

test('a batch in parts has one mask, and each step another', async (t) => {
  using layer = new nn.GRU({ input: 3, hidden: 8, weightDrop: 0.5, seed: 1 })
  using x = randn([4, 6, 3], { seed: 2 })
  const random = new nn.RandomContext({ seed: 4 })
  layer.setRandom(random)
  const run = async (step: number, first: number, rows: number) => {
    random.set({ step, sampleBase: first })
    return read(layer.forward(ops.slice(x, 1, first, rows)).state.h)
  }
  const whole = await run(1, 0, 6)
  t.deepEqual([...(await run(1, 0, 2)), ...(await run(1, 2, 4))], whole)
  t.notDeepEqual(await run(2, 0, 6), whole)
})

for (const attention of ['additive', 'dot', 'none'] as const)
  test(`translators, ${attention}: encoder and decoder drop weights while training`, async (t) => {
    const letters = Tokenizer.characters('abc').withBoundaries()
    const losses = async (weightDrop: number) => {
      await using model = new Seq2Seq({
        ...{ source: letters, target: letters, attention, hidden: 8, layers: 2, seed: 3 },
        weightDrop,
      })
      const { encoder, decoder } = model.network
      t.is((encoder.rnn as nn.LSTM).weightDrop, weightDrop)
      t.is((decoder.attending?.layers ?? (decoder.rnn as nn.LSTM)).weightDrop, weightDrop)
      const pairs: [string, string][] = [['abc', 'cba']]
      const [score] = await model.score(pairs)
      return [score, (await model.fit(pairs, { maxSteps: 1 })).loss]
    }
    const [plain, dropped] = [await losses(0), await losses(0.5)]
    t.deepEqual(dropped[0], plain[0])
    t.not(dropped[1], plain[1])
  })
