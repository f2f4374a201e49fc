import test from 'ava'
import { native, type NativeTensor } from '#dist/native/index.js'
import type { AttentionScore } from '#dist/ops/attention.js'
import { checkGolden, checkOp, drawUpstream } from '../../support/check.mjs'
import { identical, near, type Named } from '../../support/compare.mjs'
import {
  argumentsOf,
  decoder,
  drawInputs,
  optionsOf,
  OUTPUTS,
  type Decoder,
  type Sizes,
} from '../../support/decoder.mjs'
import { golden } from '../../support/golden.mjs'
import { cut, download, poisoned, upload, type Host } from '../../support/host.mjs'
import {
  allVariants,
  describe,
  evaluate,
  kernels,
  REFERENCE,
  select,
  type Tensors,
} from '../../support/op.mjs'
import { CELLS, mayProject } from '../../support/recurrent.mjs'

const VARIANTS = allVariants()
const SIZES: Sizes = {
  ...{ time: 4, batch: 3, input: 3, keys: 5, features: 4, width: 6, output: 5 },
}
const LENGTHS = { lengths: [4, 0, 2], memoryLengths: [3, 5, 0] }
const FORMS = (['context', 'output'] as const).flatMap((feeding) =>
  (['lstm', 'gru'] as const).map((cell) => ({ feeding, cell })),
)
const SCORES: AttentionScore[] = ['additive', 'dot', 'scaled_dot']

for (const { name, settings, tensors } of await golden<Decoder>('decoder'))
  test.serial(`PyTorch: ${name}`, async (t) => {
    const given: Record<string, Host | null> = {
      ...tensors,
      lengths: tensors['target_lengths'] ?? null,
      memoryLengths: tensors['memory_lengths'] ?? null,
    }
    const upstream = Object.fromEntries(
      OUTPUTS.flatMap((key) => (tensors[`d${key}`] ? [[key, tensors[`d${key}`]!]] : [])),
    )
    await checkGolden(t, decoder(settings, given, Object.keys(upstream)), upstream, tensors)
  })

for (const form of FORMS) {
  const title = `${form.cell}, feeding the ${form.feeding}`

  test.serial(`${title}: scores and lengths`, async (t) => {
    for (const score of SCORES) {
      const settings = { ...form, layers: score === 'additive' ? 2 : 1, hidden: 5, score }
      const rough = score === 'scaled_dot' // differenced in the attention op's test
      await checkOp(t, decoder(settings, drawInputs(settings, SIZES, LENGTHS)), { rough })
    }
    const bare = { ...form, layers: 1, hidden: 5, score: 'dot' } as const
    await checkOp(t, decoder(bare, drawInputs(bare, SIZES, { bare: true, seed: 2 })))
  })

  test.serial(`${title}: odd sizes`, async (t) => {
    for (const [layers, hidden, time, batch, input, keys, features, width, output] of [
      [1, 1, 1, 1, 1, 1, 1, 1, 1],
      [1, 3, 5, 1, 2, 1, 3, 2, 4],
      [3, 2, 1, 2, 3, 4, 5, 1, 3],
    ] as const) {
      const settings = { ...form, layers, hidden, score: 'additive' } as const
      const sizes = { time, batch, input, keys, features, width, output }
      await checkOp(t, decoder(settings, drawInputs(settings, sizes)))
    }
  })

  test.serial(`${title}: sizes around vectors, tiles and blocks`, async (t) => {
    for (const [score, layers, hidden, time, batch, input, keys, features, width, output] of [
      ['additive', 2, 40, 3, 17, 33, 9, 50, 70, 31],
      ['dot', 1, 64, 4, 8, 16, 12, 64, 128, 64],
      ['scaled_dot', 1, 33, 6, 5, 7, 31, 17, 24, 48],
      ['additive', 1, 4, 2, 3, 5, 70, 130, 2052, 3],
    ] as const) {
      const settings = { ...form, layers, hidden, score }
      const sizes = { time, batch, input, keys, features, width, output }
      const lengths = Array.from({ length: batch }, (_, b) => (b * 5) % (time + 1))
      for (const drawing of [{}, { lengths }]) {
        const op = decoder(settings, drawInputs(settings, sizes, drawing))
        await checkOp(t, op, { large: true, threads: [1, 2, 3] })
      }
    }
  })

  test.serial(`${title}: dropout`, async (t) => {
    const random = { key: native.streamKey(9, title), step: 4, sampleBase: 11 }
    const dropped = { dropout: 0.4, random }
    const settings = { ...form, layers: 2, hidden: 6, score: 'additive', ...dropped } as const
    await checkOp(t, decoder(settings, drawInputs(settings, SIZES, { lengths: [4, 2, 3] })))
  })

  test.serial(`${title}: zoneout`, async (t) => {
    const random = { key: native.streamKey(9, title), step: 4, sampleBase: 11 }
    const phases = { zoneout_hidden: 0.4, ...(form.cell === 'lstm' && { zoneout_cell: 0.3 }) }
    for (const drawn of [{ dropout: 0.3, random }, {}]) {
      const settings = {
        ...form,
        layers: 2,
        hidden: 6,
        score: 'additive',
        phases,
        ...drawn,
      } as const
      await checkOp(t, decoder(settings, drawInputs(settings, SIZES, LENGTHS)))
    }
  })

  test.serial(`${title}: padding is never read, and zero in results`, async (t) => {
    const settings = { ...form, layers: 2, hidden: 5, score: 'additive' } as const
    const given = drawInputs(settings, SIZES, LENGTHS)
    const op = decoder(settings, given)
    const upstream = drawUpstream(op, 4)
    const { lengths, memoryLengths } = LENGTHS
    const dirty = decoder(settings, {
      ...given,
      x: poisoned(given['x']!, lengths),
      keys: poisoned(given['keys']!, memoryLengths),
      values: poisoned(given['values']!, memoryLengths),
    })
    const steps = Object.entries(upstream).map(([name, host]) =>
      ['y', 'context', 'weights'].includes(name) ? [name, poisoned(host, lengths)] : [name, host],
    )
    for (const variant of VARIANTS) {
      const clean = await evaluate(op, variant, { upstream })
      const actual = await evaluate(dirty, variant, { upstream: Object.fromEntries(steps) })
      identical(t, actual, clean, describe(variant))
      for (const [name, ends] of [
        ['y', lengths],
        ['weights', lengths],
        ['grad x', lengths],
        ['grad keys', memoryLengths],
        ['grad values', memoryLengths],
      ] as const) {
        const shape = name.startsWith('grad ') ? given[name.slice(5)]!.shape : op.shapes[name]!
        const padding = poisoned({ shape, data: actual[name] as Float64Array }, ends)
        const zero = [...padding.data].every((x, i) => !Number.isNaN(x) || actual[name]![i] === 0)
        t.true(zero, `${describe(variant)}: padded ${name}`)
      }
    }
  })

  test.serial(`${title}: gradients from single outputs`, async (t) => {
    const settings = { ...form, layers: 1, hidden: 4, score: 'dot' } as const
    const given = drawInputs(settings, SIZES, LENGTHS)
    const all = decoder(settings, given)
    for (const [name, host] of Object.entries(drawUpstream(all, 3))) {
      const zeros = Object.entries(all.shapes).map(([other, shape]) => [
        other,
        { shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) },
      ])
      const others = Object.fromEntries(zeros) as Record<string, Host>
      for (const variant of VARIANTS) {
        const expected = await evaluate(all, variant, { upstream: { ...others, [name]: host } })
        const one = decoder(settings, given, [name])
        const actual = await evaluate(one, variant, { upstream: { [name]: host } })
        near(t, actual, expected, 1e-6, `${describe(variant)}, only ${name}`)
      }
    }
  })

  test.serial(`${title}: one step at a time, in inference, gives the same`, async (t) => {
    for (const [score, features, width] of [
      ['additive', 7, 9],
      ['scaled_dot', 16, 32],
    ] as const) {
      const phases = { zoneout_hidden: score === 'additive' ? 0 : 0.2 }
      const settings = { ...form, layers: 2, hidden: 19, score, phases }
      const sizes = { ...SIZES, features, width }
      const inputs = drawInputs(settings, sizes, { memoryLengths: [3, 0, 5] })
      for (const variant of VARIANTS) {
        const whole = await evaluate(decoder(settings, inputs), variant)
        select(variant)
        const place = (host: Host) => upload(variant.device, host)
        const { x, ...rest } = inputs
        const tensors: Tensors = {}
        for (const [name, host] of Object.entries(rest)) tensors[name] = place(host)
        const outputs: Named[] = []
        const made: (NativeTensor | null)[] = Object.values(tensors)
        for (let step = 0; step < sizes.time; ++step) {
          tensors['x'] = place(stepOf(x!, step))
          const args = argumentsOf(settings, tensors)
          const now = native.decoder(optionsOf(settings, false), ...args)
          t.is(now.reserve, null)
          made.push(tensors['x'], ...Object.values(now))
          outputs.push({ y: await download(now.y), weights: await download(now.weights) })
          Object.assign(tensors, { h0: now.hn, c0: now.cn, fed0: now.fedn })
        }
        const joined = (name: string) =>
          Float64Array.from(outputs.flatMap((output) => [...output[name]!]))
        const last: Named = { y: joined('y'), weights: joined('weights') }
        last['hn'] = await download(tensors['h0']!)
        if (tensors['c0']) last['cn'] = await download(tensors['c0'])
        if (tensors['fed0']) last['fedn'] = await download(tensors['fed0'])
        const expected = Object.fromEntries(Object.keys(last).map((name) => [name, whole[name]!]))
        identical(t, last, expected, `${describe(variant)}, ${score}`)
        for (const tensor of made) if (tensor) native.dispose(tensor)
      }
    }
  })

  test.serial(`${title}: a row does as well alone, cut to its lengths`, async (t) => {
    const settings = { ...form, layers: 2, hidden: 9, score: 'additive' } as const
    const sizes = { ...SIZES, batch: 9, features: 17, width: 13 }
    const [lengths, memoryLengths] = [
      [4, 1, 3, 2, 4, 4, 3, 1, 2],
      [5, 2, 4, 1, 3, 5, 5, 2, 4],
    ]
    const given = drawInputs(settings, sizes, { lengths, memoryLengths })
    const { lengths: _, memoryLengths: __, ...whole } = given
    for (const variant of VARIANTS) {
      const together = await evaluate(decoder(settings, given), variant)
      for (const b of [0, 3, 8]) {
        const [steps, keys] = [lengths[b] as number, memoryLengths[b] as number]
        const single = { ...whole }
        for (const [name, time] of Object.entries({ x: steps, keys, values: keys, h0: 2, c0: 2 }))
          if (whole[name]) single[name] = cut(whole[name], b, time)
        if (whole['fed0']) single['fed0'] = cutRow(whole['fed0'], b)
        const alone = await evaluate(decoder(settings, single), variant)
        const width = together['y']!.length / (4 * 9)
        const y = cut({ shape: [4, 9, width], data: together['y']! }, b, steps)
        const actual = { y: alone['y']! }
        identical(t, actual, { y: y.data as Float64Array }, `${describe(variant)}, row ${b}`)
      }
    }
  })

  test.serial(`${title}: no steps, no memory, no rows`, async (t) => {
    const settings = { ...form, layers: 2, hidden: 4, score: 'additive' } as const
    for (const none of ['time', 'keys', 'batch'])
      await checkOp(t, decoder(settings, drawInputs(settings, { ...SIZES, [none]: 0 })), {
        rough: true,
      })
  })
}

test.serial('other cells', async (t) => {
  for (const cell of CELLS.filter((cell) => !FORMS.some((form) => form.cell === cell)))
    for (const feeding of ['context', 'output'] as const) {
      const phases = { zoneout_hidden: feeding === 'output' ? 0.3 : 0 }
      const settings = { cell, feeding, layers: 2, hidden: 5, score: 'additive', phases } as const
      await checkOp(t, decoder(settings, drawInputs(settings, SIZES, LENGTHS)))
    }
})

test.serial('projected states', async (t) => {
  const random = { key: native.streamKey(2, 'projected'), step: 1, sampleBase: 4 }
  for (const cell of CELLS.filter(mayProject))
    for (const feeding of ['context', 'output'] as const) {
      const settings = { cell, feeding, hidden: 7, projection: 5 }
      const two = { ...settings, layers: 2, score: 'additive', dropout: 0.3, random } as const
      await checkOp(t, decoder(two, drawInputs(two, SIZES, LENGTHS)))
      const bare = { ...settings, layers: 1, score: 'dot' } as const
      await checkOp(t, decoder(bare, drawInputs(bare, SIZES, { bare: true })))
      const none = { ...SIZES, time: 0 }
      await checkOp(t, decoder(two, drawInputs(two, none)), { large: true })
      const large = { ...two, hidden: 65, projection: 33 }
      const sizes = { ...SIZES, batch: 17, features: 19 }
      await checkOp(t, decoder(large, drawInputs(large, sizes)), { large: true })
    }
})

test.serial('bf16 stays near f32', async (t) => {
  for (const form of [...FORMS, { feeding: 'context', cell: 'lstm', projection: 13 } as const]) {
    const settings = { ...form, layers: 2, hidden: 24, score: 'additive' } as const
    const given = drawInputs(settings, { ...SIZES, features: 20, width: 18 }, LENGTHS)
    const op = decoder({ ...settings, precision: 'bf16' }, given)
    const upstream = drawUpstream(op, 1)
    const expected = await evaluate(op, REFERENCE, { upstream })
    for (const one of kernels()) {
      const actual = await evaluate(op, one, { upstream })
      near(t, actual, expected, 0.05, describe(one))
      const two = await evaluate(op, { ...one, threads: 2 }, { upstream })
      identical(t, two, actual, `${describe(one)}, twice`)
    }
  }
})

test.serial('hypotheses of a beam share their memory', async (t) => {
  for (const form of FORMS) {
    const settings = { ...form, layers: 1, hidden: 8, score: 'additive', beams: 3 } as const
    const sizes = { ...SIZES, time: 2, batch: 6 }
    const shared = drawInputs(settings, sizes, { memoryLengths: [2, 5] })
    const repeated: Record<string, Host> = {
      ...shared,
      keys: repeat(shared['keys']!, 3),
      values: repeat(shared['values']!, 3),
      memoryLengths: { shape: [6], data: Int32Array.of(2, 2, 2, 5, 5, 5) },
    }
    for (const variant of VARIANTS) {
      const expected = await evaluate(decoder({ ...settings, beams: 1 }, repeated), variant)
      select(variant)
      const tensors: Tensors = {}
      for (const [name, host] of Object.entries(shared))
        tensors[name] = upload(variant.device, host)
      const made = native.decoder(optionsOf(settings, false), ...argumentsOf(settings, tensors))
      const actual = { y: await download(made.y), weights: await download(made.weights) }
      const wanted = { y: expected['y']!, weights: expected['weights']! }
      identical(t, actual, wanted, describe(variant))
      for (const tensor of [...Object.values(tensors), ...Object.values(made)])
        if (tensor) native.dispose(tensor)
    }
  }
})

test.serial('nonsense is refused by name', async (t) => {
  const settings = { ...FORMS[0]!, layers: 1, hidden: 4, score: 'additive' } as const
  const given = drawInputs(settings, SIZES)
  const call = (change: Record<string, Host>, options: Partial<Decoder> = {}) => {
    const tensors: Tensors = {}
    for (const [name, host] of Object.entries({ ...given, ...change }))
      tensors[name] = upload('cpu', host)
    const all = { ...optionsOf(settings, false), ...options }
    return native.decoder(all, ...argumentsOf(settings, tensors))
  }
  const zeros = (...shape: number[]): Host => ({
    shape,
    data: new Float64Array(shape.reduce((a, b) => a * b, 1)),
  })
  for (const [change, options, message] of [
    [{ keys: zeros(5, 2, 4) }, {}, '[decoder] keys: expected [5, 3, 4], got [5, 2, 4]'],
    [{ w_ih_0: zeros(16, 8) }, {}, '[decoder] weight_ih_l0: expected [16, 9], got [16, 8]'],
    [{}, { beams: 2 }, '[decoder] beams: expected a divisor of the batch 3, got 2'],
    [{}, { feeding: 'output' as const }, '[decoder] w_out: expected a tensor, got null'],
    [{}, { score: 'dot' as const }, '[decoder] v: expected null, only additive scores have it'],
  ] as const)
    t.throws(() => call(change, options), { message })
  const made = call({ memoryLengths: { shape: [3], data: Int32Array.of(1, 6, 2) } })
  await t.throwsAsync(native.read(made.y), {
    code: 'ERR_INDEX',
    message: '[decoder] memory length 6 at position 1: expected 0..5',
  })
})

function cutRow({ shape: [, width], data }: Host, b: number): Host {
  const n = width as number
  return { shape: [1, n], data: Float64Array.from(data.slice(b * n, (b + 1) * n)) }
}

function stepOf({ shape, data }: Host, step: number): Host {
  const [, batch, width] = shape as [number, number, number]
  const n = batch * width
  return { shape: [1, batch, width], data: data.slice(step * n, (step + 1) * n) as Float64Array }
}

/** Every row of the batch `times` times. */
function repeat({ shape, data }: Host, times: number): Host {
  const [time, batch, width] = shape as [number, number, number]
  const rows = Array.from({ length: time * batch }, (_, row) => [
    ...data.slice(row * width, (row + 1) * width),
  ])
  const repeated = rows.flatMap((row) => Array.from({ length: times }, () => row).flat())
  return { shape: [time, batch * times, width], data: Float64Array.from(repeated) }
}
