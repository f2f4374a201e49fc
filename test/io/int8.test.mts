/** Weights in int8, in files: whole numbers by rows, with their scales beside them. */
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { convert, io, LanguageModel, Tokenizer } from 'rnnative'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
let files = 0
const fresh = () => join(directory, `${files++}`)

interface Entry {
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}

/** A file's header and data. */
function parts(path: string): { header: Record<string, Entry>; data: Buffer } {
  const bytes = readFileSync(path)
  const end = 8 + Number(bytes.readBigUInt64LE())
  return {
    header: JSON.parse(bytes.subarray(8, end).toString()) as Record<string, Entry>,
    data: bytes.subarray(end),
  }
}

const matrix = (rows: number, columns: number, seed = 7) => {
  const data = Float32Array.from({ length: rows * columns }, (_, i) =>
    Math.fround(Math.sin(seed * (i + 1)) * 10 ** (i % 3)),
  )
  return { shape: [rows, columns], data }
}

/** The nearest whole number, ties to even. */
const nearest = (x: number) => {
  const below = Math.floor(x)
  return x - below === 0.5 ? below + (below % 2 ? 1 : 0) : Math.round(x)
}

test('each row is rounded to whole numbers by a scale of its own', async (t) => {
  const [rows, columns] = [5, 7]
  const weight = matrix(rows, columns)
  weight.data.fill(0, columns, 2 * columns)
  const others = {
    'a.bias': { shape: [3], data: Float32Array.of(0.1, 1 / 3, -5) },
    'crf.transitions': matrix(3, 3),
    'none.weight': { shape: [0, 4], data: new Float32Array(0) },
    'deep.weight': { shape: [1, 2, 1], data: Float32Array.of(0.3, 1) },
    'd.weight': { shape: [1, 1], data: Float64Array.of(1 / 3) },
    ids: { shape: [2], data: Int32Array.of(5, -5) },
  }
  const path = fresh()
  const tensors = new Map(Object.entries({ 'a.weight_ih_l0': weight, ...others }))
  await io.writeSafetensors(path, tensors, {}, { precision: 'int8' })

  const { header } = parts(path)
  t.is(header['a.weight_ih_l0']?.dtype, 'I8')
  t.deepEqual(header['a.weight_ih_l0.scale']?.shape, [rows])
  const read = (await io.readSafetensors(path)).tensors
  t.deepEqual([...read.keys()].sort(), [...tensors.keys()].sort())
  for (const [name, { data }] of Object.entries(others))
    t.deepEqual(read.get(name)?.data, data, name)
  const { data } = read.get('a.weight_ih_l0')!
  for (let row = 0; row < rows; ++row) {
    const own = [...weight.data.subarray(row * columns, (row + 1) * columns)]
    const most = Math.max(...own.map(Math.abs))
    const made = [...data.subarray(row * columns, (row + 1) * columns)]
    const scale = Math.max(...made.map(Math.abs)) / 127
    t.true(scale >= (most / 127) * (1 - 2 ** -23) && scale <= (most / 127) * (1 + 2 ** -15))
    t.deepEqual(
      made,
      own.map((x) => (scale > 0 ? nearest(Math.fround(x / scale)) * scale + 0 : 0)),
    )
  }

  // What was read is written as it was.
  const again = fresh()
  await io.writeSafetensors(again, read, {}, { precision: 'int8' })
  t.deepEqual((await io.readSafetensors(again)).tensors.get('a.weight_ih_l0')?.data, data)
})

test('the largest floats stay finite, and as they are once they were read', async (t) => {
  const most = 2 ** 128 - 2 ** 104
  let data: Float32Array = Float32Array.of(most, -most, most / 2, 0, 1, 2, 3, 4)
  const first = fresh()
  for (const path of [first, fresh()]) {
    await io.writeSafetensors(
      path,
      new Map([['weight', { shape: [2, 4], data }]]),
      {},
      {
        precision: 'int8',
      },
    )
    const read = (await io.readSafetensors(path)).tensors.get('weight')!.data as Float32Array
    t.true(read[0]! > most * (1 - 2 ** -14) && read[0]! <= most, String(read[0]))
    t.is(read[1], -read[0]!)
    if (path !== first) t.deepEqual(read, data)
    data = read
  }
})

test('what cannot be written in int8 is refused', async (t) => {
  const write = (tensors: Record<string, unknown>, precision: unknown = 'int8') =>
    io.writeSafetensors(fresh(), new Map(Object.entries(tensors)) as never, {}, {
      precision,
    } as never)
  for (const x of [NaN, Infinity])
    await t.throwsAsync(write({ weight: { shape: [1, 2], data: Float32Array.of(1, x) } }), {
      ...{
        code: 'ERR_NONFINITE',
        message: '[safetensors] weight: expected finite numbers, to be written in int8',
      },
    })
  await t.throwsAsync(write({ weight: matrix(2, 2), 'weight.scale': matrix(2, 2) }), {
    ...{ code: 'ERR_ARGUMENT', message: /weight\.scale/ },
  })
  await t.throwsAsync(write({ weight: { shape: [2], data: Int8Array.of(1, 2) } }), {
    code: 'ERR_DTYPE',
  })
  await t.throwsAsync(write({ weight: matrix(2, 2) }, 'int4'), { code: 'ERR_ARGUMENT' })
})

test('hostile files are refused', async (t) => {
  const scales = (values: readonly number[]) => Buffer.from(Float32Array.from(values).buffer)
  const whole = (dtype: string, shape: number[], begin: number, end: number) => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  })
  const refused = async (header: object, data: Buffer, message: RegExp) => {
    const json = Buffer.from(JSON.stringify(header))
    const prefix = Buffer.alloc(8)
    prefix.writeBigUInt64LE(BigInt(json.length))
    const path = fresh()
    writeFileSync(path, Buffer.concat([prefix, json, data]))
    await t.throwsAsync(io.readSafetensors(path), { code: 'ERR_FORMAT', message })
  }
  const numbers = Buffer.from(Int8Array.of(1, 2, 3, 4))
  await refused({ w: whole('I8', [2, 2], 0, 4) }, numbers, /"w": I8: expected "w.scale", F32 \[2\]/)
  await refused({ w: whole('I8', [4], 0, 4) }, numbers, /"w": I8: expected a matrix, got 1 axes/)
  const of = (scale: object, size = 4) => ({
    w: whole('I8', [2, 2], 8, 8 + size),
    'w.scale': scale,
  })
  const both = (values: readonly number[], of = numbers) => Buffer.concat([scales(values), of])
  await refused(of(whole('I32', [2], 0, 8)), both([1, 1]), /expected "w.scale", F32 \[2\]/)
  await refused(of(whole('F32', [1, 2], 0, 8)), both([1, 1]), /expected "w.scale", F32 \[2\]/)
  const right = of(whole('F32', [2], 0, 8))
  for (const scale of [NaN, Infinity, -1])
    await refused(right, both([1, scale]), /expected scales of at least 0/)
  await refused(right, both([1, 1], Buffer.from(Int8Array.of(1, -128, 3, 4))), /got -128/)
  await refused(of(whole('F32', [2], 0, 8), 5), both([1, 1]), /expected begin <= end <= 12/)
})

test('a model in half and in a quarter of the size', async (t) => {
  const text = 'the cat sat on the mat\n'.repeat(20)
  await using model = new LanguageModel({
    tokenizer: Tokenizer.characters(text),
    hidden: 96,
    seed: 1,
  })
  await model.fit(text, { epochs: 1, steps: 10, batch: 4 })
  const { nats } = await model.evaluate(text)
  const size = (at: string) => statSync(join(at, 'model.safetensors')).size
  const paths = { f32: fresh(), bf16: fresh(), int8: fresh() }
  await model.save(paths.f32)
  await t.throwsAsync(model.save(paths.int8, { precision: 'fp8' } as never), {
    code: 'ERR_ARGUMENT',
  })
  await model.save(paths.bf16, { precision: 'bf16' })
  t.deepEqual(await convert.convert(paths.f32, paths.int8, { precision: 'int8' }), [paths.int8])
  for (const [precision, part] of [
    ['bf16', 0.52],
    ['int8', 0.28],
  ] as const) {
    t.true(size(paths[precision]) < part * size(paths.f32), `${size(paths[precision])}`)
    await using narrow = await LanguageModel.load(paths[precision])
    t.true(Math.abs((await narrow.evaluate(text)).nats / nats - 1) < 0.01, precision)
    await narrow.fit(text, { epochs: 1, steps: 10, batch: 4 }) // weights are f32 again
  }
  const file = join(paths.int8, 'model.safetensors')
  const bytes = readFileSync(file)
  bytes[bytes.length - 1] = 0x80
  writeFileSync(file, bytes)
  await t.throwsAsync(LanguageModel.load(paths.int8), { code: 'ERR_FORMAT', message: /got -128/ })
})

test('convert: to files, and what cannot be', async (t) => {
  const [path, narrow] = [`${fresh()}.safetensors`, `${fresh()}.safetensors`]
  await io.writeSafetensors(path, new Map([['weight', matrix(4, 8)]]))
  await convert.convert(path, narrow, { precision: 'int8' })
  t.is(parts(narrow).header['weight']?.dtype, 'I8')
  const refused = { code: 'ERR_UNSUPPORTED' }
  await t.throwsAsync(convert.convert(path, `${fresh()}.pt`, { precision: 'int8' }), refused)
  await t.throwsAsync(convert.convert(path, fresh(), { to: 'model' }), refused)
  await t.throwsAsync(convert.convert(path, fresh()), { code: 'ERR_ARGUMENT' })
})
