import { mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { io, type RnnativeError } from 'rnnative'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
let files = 0
const fresh = () => join(directory, `${files++}.safetensors`)

/** A file with this header (an object or raw text), this much data, and optionally a false length. */
function craft(header: unknown, dataBytes = 0, length?: bigint): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(length ?? BigInt(json.length))
  const path = fresh()
  writeFileSync(path, Buffer.concat([prefix, json, Buffer.alloc(dataBytes)]))
  return path
}

async function refused(t: ExecutionContext, path: string, says: RegExp): Promise<void> {
  const error = (await t.throwsAsync(
    io.readSafetensors(path),
    undefined,
    says.source,
  )) as RnnativeError
  t.is(error.code, 'ERR_FORMAT', `${says.source}: ${error.message}`)
  t.true(error.message.includes(path), error.message)
  t.regex(error.message, says)
}

const f32 = (shape: unknown, begin: unknown, end: unknown) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
})

test('tensors and metadata come back', async (t) => {
  const path = fresh()
  const tensors = new Map([
    ['a', { shape: [2, 3], data: Float32Array.of(1, -2, NaN, Infinity, 0, -0) }],
    ['ids', { shape: [3], data: Int32Array.of(-1, 2 ** 31 - 1, 0) }],
    ['d', { shape: [], data: Float64Array.of(Math.PI) }],
    ['none', { shape: [0, 4], data: new Float32Array(0) }],
    ['__proto__', { shape: [1], data: Float32Array.of(5) }],
  ])
  await io.writeSafetensors(path, tensors, { format: 'pt' })
  const read = await io.readSafetensors(path)
  t.deepEqual([...read.tensors.keys()].sort(), [...tensors.keys()].sort())
  for (const [name, { shape, data }] of tensors) {
    t.deepEqual(read.tensors.get(name)?.shape, shape)
    t.deepEqual(read.tensors.get(name)?.data, data)
  }
  t.deepEqual([...read.metadata], [['format', 'pt']])
  // The data begins at a multiple of 8 bytes, so that a reader may map it.
  t.is(Number(readFileSync(path).readBigUInt64LE()) % 8, 0)
})

test('16-bit floats widen, 64-bit integers narrow', async (t) => {
  const path = craft(
    {
      half: { dtype: 'F16', shape: [6], data_offsets: [0, 12] },
      brain: { dtype: 'BF16', shape: [2], data_offsets: [12, 16] },
      long: { dtype: 'I64', shape: [1], data_offsets: [16, 24] },
    },
    24,
  )
  const bytes = readFileSync(path)
  const data = bytes.length - 24
  ;[0x3c00, 0xc000, 0x0001, 0x7c00, 0x7bff, 0x8000].forEach((v, i) =>
    bytes.writeUInt16LE(v, data + 2 * i),
  )
  ;[0x3f80, 0xc049].forEach((v, i) => bytes.writeUInt16LE(v, data + 12 + 2 * i))
  bytes.writeBigInt64LE(-7n, data + 16)
  writeFileSync(path, bytes)
  const { tensors } = await io.readSafetensors(path)
  t.deepEqual(tensors.get('half')?.data, Float32Array.of(1, -2, 2 ** -24, Infinity, 65504, -0))
  t.deepEqual(tensors.get('brain')?.data, Float32Array.of(1, -3.140625))
  t.deepEqual(tensors.get('long')?.data, Int32Array.of(-7))

  bytes.writeBigInt64LE(2n ** 40n, data + 16)
  writeFileSync(path, bytes)
  await refused(t, path, /does not fit/)
})

test('hostile headers are refused before anything is allocated', async (t) => {
  const tiny = fresh()
  writeFileSync(tiny, Buffer.alloc(5))
  await refused(t, tiny, /truncated/)
  await refused(t, craft({}, 0, 2n ** 63n), /header length/)
  await refused(t, craft({}, 0, 1000n), /truncated/)
  await refused(t, craft('{"a":', 0), /not valid JSON/)
  await refused(t, craft('[1]', 0), /JSON object/)
  await refused(t, craft('{"a":\xff}', 0), /not valid JSON/)
  await refused(t, craft({ a: 5 }), /expected an object/)
  await refused(t, craft({ a: { ...f32([1], 0, 4), dtype: 'F128' } }, 4), /dtype/)
  await refused(t, craft({ a: { ...f32([1], 0, 4), dtype: 'constructor' } }, 4), /dtype/)
  await refused(t, craft({ a: f32([-1], 0, 4) }, 4), /shape/)
  await refused(t, craft({ a: f32([1.5], 0, 6) }, 6), /shape/)
  await refused(t, craft({ a: f32('4', 0, 4) }, 4), /shape/)
  await refused(t, craft({ a: f32([2 ** 60], 0, 4) }, 4), /shape/)
  await refused(t, craft({ a: f32([2 ** 32, 2 ** 32], 0, 0) }), /needs more than 2\^53 bytes/)
  await refused(t, craft({ a: f32([2 ** 40, 2 ** 24], 0, 0) }), /needs more than 2\^53 bytes/)
  await refused(t, craft({ a: f32([3, 5], 0, 0) }), /needs 60 bytes/)
  await refused(t, craft({ a: f32([1], 4, 0) }, 4), /data_offsets/)
  await refused(t, craft({ a: f32([1], -4, 0) }, 4), /data_offsets/)
  await refused(
    t,
    craft('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1e400]}}', 4),
    /data_offsets/,
  )
  await refused(t, craft({ a: f32([2], 0, 8) }, 4), /data_offsets/)
  await refused(t, craft({ a: f32([1], 0, 4), b: f32([2], 0, 8) }, 8), /overlap/)
  await refused(t, craft({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), /hole/)
  await refused(t, craft({ a: f32([1], 0, 4) }, 8), /cover 4 bytes/)
  await refused(
    t,
    craft(
      '{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
    ),
    /twice/,
  )
  await refused(t, craft({ __metadata__: { a: 1 } }), /__metadata__/)
  const deep = '['.repeat(5_000_000) + ']'.repeat(5_000_000)
  await refused(t, craft(`{"a":${deep}}`), /nested deeper than 3/)
  const long = Array<string>(1_000_000).fill('9007199254740991').join()
  const entry = `{"dtype":"F32","shape":[${long}],"data_offsets":[0,0]}`
  await refused(t, craft(`{"[[[[":${entry}}`), /a list of more than 64/)
})

test('a file cut anywhere is refused', async (t) => {
  const path = fresh()
  await io.writeSafetensors(
    path,
    new Map([['a', { shape: [4], data: Float32Array.of(1, 2, 3, 4) }]]),
  )
  const { length } = readFileSync(path)
  for (let size = length - 1; size >= 0; size -= 7) {
    truncateSync(path, size)
    await refused(t, path, /./)
  }
})

test('random bytes never crash the reader', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), fc.json(), async (junk, json) => {
      for (const bytes of [junk, readFileSync(craft(json, 3))]) {
        const path = join(directory, 'random')
        writeFileSync(path, bytes)
        await io.readSafetensors(path).catch((error: RnnativeError) => {
          if (error.code !== 'ERR_FORMAT') throw error
        })
      }
    }),
    { numRuns: 200 },
  )
  t.pass()
})

test('a failed write leaves the old file and nothing else', async (t) => {
  const path = fresh()
  const good = new Map([['a', { shape: [1], data: Float32Array.of(1) }]])
  await io.writeSafetensors(path, good)
  const before = readdirSync(directory).length
  await t.throwsAsync(
    io.writeSafetensors(path, new Map([['a', { shape: [2], data: Float32Array.of(1) }]])),
    { code: 'ERR_SHAPE' },
  )
  t.is(readdirSync(directory).length, before)
  t.deepEqual((await io.readSafetensors(path)).tensors.get('a')?.data, Float32Array.of(1))
  await t.throwsAsync(io.writeSafetensors(join(directory, 'no', 'such'), good), { code: 'ERR_IO' })
  await t.throwsAsync(io.readSafetensors(join(directory, 'missing')), { code: 'ERR_IO' })
  await t.throwsAsync(io.readSafetensors(directory), { code: 'ERR_IO' })
})

test('arrays of other types are refused', async (t) => {
  const bytes = { shape: [4], data: new Uint8Array(4) as unknown as Int32Array }
  const written = io.writeSafetensors(fresh(), new Map([['x', bytes]]))
  await t.throwsAsync(written, { code: 'ERR_DTYPE', message: /x: expected a Float32Array/ })
})

test('what could not be read again is not written', async (t) => {
  const path = fresh()
  const four = () => Float32Array.of(1, 2, 3, 4)
  const one = (shape: number[], name = 'a') => new Map([[name, { shape, data: four() }]])
  const refuses = (writing: Promise<void>, code: string) => t.throwsAsync(writing, { code })
  const metadata = { epoch: 5 } as unknown as Record<string, string>
  await refuses(io.writeSafetensors(path, one([4]), metadata), 'ERR_ARGUMENT')
  await refuses(io.writeSafetensors(path, one([4]), { a: '\ud800' }), 'ERR_ARGUMENT')
  for (const name of ['__metadata__', '\udc00'])
    await refuses(io.writeSafetensors(path, one([4], name)), 'ERR_ARGUMENT')
  const ones = Array<number>(61).fill(1)
  for (const shape of [[-2, -2], [0.5, 8], [NaN], [5], [...ones, 1, 1, 1, 4], [2 ** 40, 2 ** 24]])
    await refuses(io.writeSafetensors(path, one(shape)), 'ERR_SHAPE')
  const data = four()
  const writing = io.writeSafetensors(path, new Map([['a', { shape: [4], data }]]))
  structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] })
  await refuses(writing, 'ERR_ARGUMENT')
  t.false(readdirSync(directory).some((name) => path.endsWith(name)))
  await io.writeSafetensors(path, one([...ones, 1, 1, 4]))
  t.is((await io.readSafetensors(path)).tensors.get('a')?.shape.length, 64)
})
