/**
 * Whatever JavaScript passes to the addon, a call returns or throws an Error with a code, promises
 * settle, the process survives, and the engine computes rightly afterwards.
 *
 * RNNATIVE_FUZZ_RUNS sets how many calls are drawn per function and property.
 */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { native, type NativeAddon, type NativeTensor } from '#dist/native/index.js'
import type { RecurrentOptions } from '#dist/ops/cells.js'
import { padded } from '../support/recurrent.mjs'
import { calls } from './calls/index.mjs'
import { hostile } from './hostile.mjs'
import { Maker } from './maker.mjs'

const RUNS = Number(process.env['RNNATIVE_FUZZ_RUNS'] ?? 100)
const MEMORY_LIMIT = 64 * 2 ** 20

const names = Object.keys(calls) as Name[]
type Name = keyof NativeAddon & string
type Anything = (...args: unknown[]) => unknown

const isTensor = (value: unknown): value is NativeTensor => {
  if (typeof value !== 'object' || value === null) return false
  try {
    native.describe(value as NativeTensor)
    return true
  } catch {
    return false
  }
}

/** Throws what is not an Error with a code of ours. */
function expectCoded(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  if (typeof code === 'string' && /^ERR_[A-Z_]+$/.test(code)) return code
  throw new Error(`expected an Error with a code, got ${String(error)}`, { cause: error })
}

const settled = async (value: unknown): Promise<unknown> => {
  try {
    return await value
  } catch (error) {
    return expectCoded(error)
  }
}

/** Tensors made by a call, wherever in its result they are. */
function tensorsIn(value: unknown): NativeTensor[] {
  if (isTensor(value)) return [value]
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return []
  return Object.values(value).flatMap(tensorsIn)
}

/** Undoes what a call may have set, and computes something with a known answer on both devices. */
async function expectSound(): Promise<void> {
  native.setMemoryLimit(MEMORY_LIMIT)
  native.setThreads(2)
  native.setIsa(native.info().isas.at(-1) as string)
  await settled(native.synchronize())
  for (const [device, dtype] of [
    ['cpu', 'f32'],
    ['reference', 'f64'],
  ] as const) {
    const x = native.fromData(device, dtype, [2, 3], Float64Array.of(1, 2, 3, 4, 5, 6))
    const weight = native.fromData(device, dtype, [2, 3], Float64Array.of(1, 0, -1, 2, 1, 0))
    const y = native.linear(x, weight, null)
    const values = [...(await native.read(y))]
    for (const tensor of [x, weight, y]) native.dispose(tensor)
    if (String(values) !== '-2,4,-2,13') throw new Error(`${device} computed ${String(values)}`)
  }
  await native.synchronize()
}

/** Rejects where native.read throws. */
const read = async (tensor: NativeTensor): Promise<unknown> => native.read(tensor)

/** Calls, settles and reads whatever comes back. Returns the code thrown at the call, if any. */
async function call(name: Name, args: readonly unknown[]): Promise<string | null> {
  let result: unknown
  try {
    result = (native[name] as Anything)(...args)
  } catch (error) {
    return expectCoded(error)
  }
  if (result instanceof Promise) {
    await settled(result)
    return null
  }
  const made = tensorsIn(result)
  const live = made.filter((tensor) => !native.describe(tensor).disposed)
  await Promise.all(live.map((tensor) => settled(read(tensor))))
  for (const tensor of made) native.dispose(tensor)
  return null
}

/** Places in nested arguments that hold something to replace: [container, key]. */
type Slot = [Record<string, unknown>, string]

function slots(container: unknown): Slot[] {
  return Object.keys(container as object).flatMap((key): Slot[] => {
    const holder = container as Record<string, unknown>
    const value = holder[key]
    const isPlain = Array.isArray(value) || Object.getPrototypeOf(value ?? 0) === Object.prototype
    return [[holder, key], ...(isPlain && !isTensor(value) ? slots(value) : [])]
  })
}

const copy = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(copy)
  if (isTensor(value) || typeof value !== 'object' || value === null || ArrayBuffer.isView(value))
    return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, copy(entry)]))
}

const assertProperty = async <T,>(
  t: ExecutionContext,
  arbitrary: fc.Arbitrary<T>,
  body: (value: T) => Promise<void>,
  numRuns = RUNS,
): Promise<void> => {
  const property = fc.asyncProperty(arbitrary, body).afterEach(expectSound)
  await t.notThrowsAsync(
    fc.assert(property, { numRuns, endOnFailure: true, includeErrorInReport: true }),
  )
}

test.before(expectSound)

test('every exported function has a case here', (t) => {
  t.deepEqual(Object.keys(native).sort(), [...names].sort())
})

// One after another: some calls change the limit, the threads or the ISA of the whole process.
for (const name of names) {
  const needs = name.endsWith('Program') || name.startsWith('group') // a device, and other processes
  const accepted = needs ? test.serial.skip : test.serial
  accepted(`${name}: valid arguments are accepted`, async (t) => {
    await assertProperty(t, fc.nat(), async (seed) => {
      const maker = new Maker(seed)
      const args = calls[name](maker)
      const made = tensorsIn((native[name] as Anything)(...args)).filter(
        (tensor) => !native.describe(tensor).disposed && name !== 'empty',
      )
      await Promise.all(made.map((tensor) => native.read(tensor)))
      await native.synchronize()
      for (const tensor of [...maker.made, ...made]) native.dispose(tensor)
    })
  })

  test.serial(`${name}: foreign arguments`, async (t) => {
    const values = fc.array(fc.nat(hostile.length - 1), { maxLength: 12 })
    await assertProperty(t, values, async (indices) => {
      const args = indices.map((index) => (hostile[index] as () => unknown)())
      await call(name, args)
      for (const value of args) for (const tensor of tensorsIn(value)) native.dispose(tensor)
    })
  })

  test.serial(`${name}: valid arguments with some of them spoilt`, async (t) => {
    const mutation = fc.record({ slot: fc.nat(), value: fc.nat(), alias: fc.boolean() })
    const draw = fc.record({
      seed: fc.nat(),
      drop: fc.constantFrom(0, 0, 0, 1, 2),
      mutations: fc.array(mutation, { minLength: 1, maxLength: 3 }),
    })
    await assertProperty(t, draw, async ({ seed, drop, mutations }) => {
      const maker = new Maker(seed)
      const args = copy(calls[name](maker)) as unknown[]
      const extra: NativeTensor[] = []
      const places = slots(args)
      for (const { slot, value, alias } of mutations) {
        if (places.length === 0) break
        const [holder, key] = places[slot % places.length] as Slot
        const own = maker.made[value % Math.max(maker.made.length, 1)]
        if (alias && own) {
          holder[key] = own
        } else {
          holder[key] = (hostile[value % hostile.length] as () => unknown)()
          extra.push(...tensorsIn(holder[key]))
        }
      }
      await call(name, args.slice(0, args.length - drop))
      for (const tensor of [...maker.made, ...extra]) native.dispose(tensor)
    })
  })
}

const recurrentOptions = (cell: RecurrentOptions['cell'], hidden: number): RecurrentOptions => ({
  ...{ cell, hidden, layers: 1, directions: 1, training: true, dropout: 0 },
})

/** Positions of the tensors that a call writes in place or adds to. */
const written: { [K in keyof NativeAddon]?: (args: unknown[]) => Slot[] } = {
  ...Object.fromEntries(
    names
      .filter((name) => name.endsWith('Backward') && name !== 'sliceBackward')
      .map((name) => [
        name,
        (args: unknown[]): Slot[] => slots(args[args.length - 2] as unknown[]),
      ]),
  ),
  copyInto: (args) => slots(args).slice(0, 1),
  accumulate: (args) => slots(args).slice(0, 1),
  sliceBackward: (args) => slots(args).slice(3, 4),
  matmulInto: (args) => slots(args).slice(4, 5),
  optimizerStep: (args) => [...slots(args[3]), ...slots(args).filter(([, key]) => key === '1')],
}

for (const name of Object.keys(written) as Name[]) {
  test.serial(`${name}: a destination may not overlap another argument`, async (t) => {
    let refused = 0
    await assertProperty(
      t,
      fc.record({ seed: fc.nat(), pick: fc.nat() }),
      async ({ seed, pick }) => {
        const maker = new Maker(seed)
        const args = copy(calls[name](maker)) as unknown[]
        const targets = (written[name]?.(args) ?? []).filter(([holder, key]) =>
          isTensor(holder[key]),
        )
        const [holder, key] = targets[pick % Math.max(targets.length, 1)] ?? [null, '']
        const target = holder?.[key] as NativeTensor
        const elements =
          target && native.describe(target).shape.reduce((n, extent) => n * extent, 1)
        if (holder && elements > 0) {
          // Every other tensor of the arguments, in turn, gets memory that overlaps the target's.
          for (const [other, at] of slots(args)) {
            const old = other[at]
            if (!isTensor(old) || old === target) continue
            const { device, dtype, shape } = native.describe(old)
            const n = shape.reduce((product, extent) => product * extent, 1)
            if (n === 0 || (dtype as string) === 'u8' || dtype === 'i32') continue
            const whole = maker.keep(native.full(device, dtype, [n + elements - 1], 0))
            other[at] = maker.keep(native.view(whole, 0, shape))
            holder[key] = maker.keep(native.view(whole, n - 1, native.describe(target).shape))
            const code = await call(name, args)
            if (code !== 'ERR_ARGUMENT') throw new Error(`overlap: got ${String(code)}`)
            ++refused
            other[at] = old
            holder[key] = target
          }
        }
        for (const tensor of maker.made) native.dispose(tensor)
      },
    )
    t.true(refused > 0)
  })
}

for (const [device, dtype] of [
  ['cpu', 'f32'],
  ['reference', 'f64'],
] as const) {
  const real = (shape: number[], value = 1): NativeTensor =>
    native.full(device, dtype, shape, value)
  const ints = (...values: number[]): NativeTensor =>
    native.fromData(device, 'i32', [values.length], Int32Array.from(values))

  test.serial(`${device}: integers out of range fail the outputs with ERR_INDEX`, async (t) => {
    const sink = (shape: number[]): NativeTensor => real(shape, 0)
    const options = recurrentOptions('lstm', 2)
    const parameters = [padded('lstm', [real([8, 3]), real([8, 2])])]
    for (const bad of [-1, 99, -(2 ** 31), 2 ** 31 - 1]) {
      const [table, x, max, inner] = [sink([4, 3]), sink([2, 3]), sink([2, 5]), sink([5, 2])]
      native.reduceBackward('max', [2, 5], 1, ints(0, bad), real([2]), [max], 0)
      native.reduceBackward('max', [5, 2], 0, ints(0, bad), real([2]), [inner], 0)
      native.embeddingBackward(ints(0, bad), real([2, 3]), [table], 0)
      const forward = native.crossEntropy(real([2, 3]), null, null, ints(0, 1), null, -100, 0, true)
      native.crossEntropyBackward(
        ...([real([2, 3]), null, null, ints(0, bad), null, -100, 0] as const),
        ...([forward.reserve as NativeTensor, real([2]), [x, null, null], 0] as const),
      )
      const outputs: Record<string, NativeTensor> = {
        embedding: native.embedding(ints(0, bad), real([4, 3])),
        embeddingBackward: table,
        'reduceBackward along rows': max,
        'reduceBackward along columns': inner,
        maskTime: native.maskTime(real([5, 2, 3]), ints(0, bad), null, false),
        crossEntropy: native.crossEntropy(
          real([2, 3]),
          null,
          null,
          ints(0, bad),
          null,
          -100,
          0,
          false,
        ).losses,
        crossEntropyBackward: x,
        recurrent: native.recurrent(options, real([5, 2, 3]), parameters, ints(0, bad), null, null)
          .y,
      }
      for (const [name, tensor] of Object.entries(outputs))
        await t.throwsAsync(native.read(tensor), { code: 'ERR_INDEX' }, `${name} with ${bad}`)
    }
    await settled(native.synchronize())
    await t.notThrowsAsync(expectSound())
  })

  test.serial(`${device}: a reserve of another call is refused`, async (t) => {
    const options = (hidden: number) => recurrentOptions('gru', hidden)
    const make = (hidden: number, time: number) => {
      const x = real([time, 2, 3])
      const parameters = [padded('gru', [real([3 * hidden, 3]), real([3 * hidden, hidden])])]
      const made = native.recurrent(options(hidden), x, parameters, null, null, null)
      return { x, parameters, reserve: made.reserve as NativeTensor }
    }
    const [mine, longer] = [make(4, 3), make(4, 6)]
    const backward = (reserve: NativeTensor, dx: NativeTensor): void =>
      native.recurrentBackward(
        ...([options(4), mine.x, mine.parameters, null, null, null, reserve] as const),
        ...([real([3, 2, 4]), null, null] as const),
        [dx, null, null, ...padded('gru', [])],
        [dx, null, null, ...padded('gru', [])].map(() => false),
      )
    const dx = real([3, 2, 3])
    backward(mine.reserve, dx)
    await t.notThrowsAsync(native.read(dx))
    t.throws(() => backward(real([64]), dx), { code: 'ERR_DTYPE' })
    t.throws(() => backward(longer.reserve, dx), { code: 'ERR_SHAPE' })
    const { shape } = native.describe(mine.reserve)
    backward(native.view(longer.reserve, 64, shape), dx) // the size is right, the contents are not
    await t.throwsAsync(native.read(dx), { code: 'ERR_UNSUPPORTED' })
    await t.notThrowsAsync(expectSound())
  })
}

test.serial('a reserve outlives no change of instruction set', async (t) => {
  const [one, other] = native.info().isas
  if (!one || !other) return t.pass()
  const x = native.full('cpu', 'f32', [2, 3], 1)
  const targets = native.fromData('cpu', 'i32', [2], Int32Array.of(0, 2))
  native.setIsa(one)
  const made = native.crossEntropy(x, null, null, targets, null, -100, 0, true)
  native.setIsa(other)
  const [dx, dlosses] = [native.full('cpu', 'f32', [2, 3], 0), native.full('cpu', 'f32', [2], 1)]
  const backward = (): Promise<unknown> => {
    native.crossEntropyBackward(
      ...([x, null, null, targets, null, -100, 0] as const),
      ...([made.reserve as NativeTensor, dlosses, [dx, null, null], 0] as const),
    )
    return native.read(dx)
  }
  const error = await t.throwsAsync(async () => backward())
  t.regex(expectCoded(error), /^ERR_(UNSUPPORTED|SHAPE)$/)
  await t.notThrowsAsync(expectSound())
})

test.serial('an exception of a getter passes through', async (t) => {
  const options = {
    get cell(): never {
      throw new RangeError('mine')
    },
  }
  const x = native.full('cpu', 'f32', [1, 1, 1], 1)
  t.throws(() => (native.recurrent as Anything)(options, x, [], null, null, null), {
    instanceOf: RangeError,
    message: 'mine',
  })
  await t.notThrowsAsync(expectSound())
})
