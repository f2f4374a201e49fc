import test from 'ava'
import { native, type NativeRandom } from '#dist/native/index.js'

const hex = (words: Uint32Array) => [...words].map((w) => w.toString(16).padStart(8, '0')).join(' ')

// The known answers of Random123 (kat_vectors, philox4x32-10), with the counter's four words written
// as block, sample, step and stream in the layout of RnRandom.
const ones = 0xffffffff
const vectors: [string, NativeRandom, number, string][] = [
  [
    'zeros',
    { key: Uint32Array.of(0, 0), step: 0, sampleBase: 0, stream: 0 },
    0,
    '6627e8d5 e169c58d bc57ac4c 9b00dbd8',
  ],
  [
    'ones',
    { key: Uint32Array.of(ones, ones), step: 2 ** 40 - 1, sampleBase: 2 ** 48 - 1, stream: 255 },
    ones,
    '408f276d 41c83b0e a20bc7c6 6d5451fd',
  ],
  [
    'digits of pi',
    {
      key: Uint32Array.of(0xa4093822, 0x299f31d0),
      step: 0x70 * 2 ** 32 + 0x13198a2e,
      sampleBase: 0x7344 * 2 ** 32 + 0x85a308d3,
      stream: 0x03,
    },
    0x243f6a88,
    'd16cfe09 94fdcceb 5001e420 24126ea1',
  ],
]

for (const [name, random, block, expected] of vectors)
  test(`philox4x32-10 gives Random123's known answer for ${name}`, (t) => {
    t.is(hex(native.philox(random, block, 1)), expected)
  })

test('blocks continue one another', (t) => {
  const random = { key: native.streamKey(3, 'a.b'), step: 5, sampleBase: 7, stream: 1 }
  const all = native.philox(random, 0, 4)
  t.is(all.length, 16)
  t.deepEqual(native.philox(random, 2, 2), all.slice(8))
})

test('a stream key depends on seed and path, and is the same everywhere', (t) => {
  const key = (seed: number, path: string) => hex(native.streamKey(seed, path))
  t.is(key(1, 'lstm.dropout'), key(1, 'lstm.dropout'))
  const distinct = new Set([
    key(1, ''),
    key(2, ''),
    key(-1, ''),
    key(1, 'a'),
    key(1, 'ä'),
    key(1, 'b'),
  ])
  t.is(distinct.size, 6)
  t.is(key(0, ''), 'fa77f14c 5b21f68f')
  t.is(key(42, 'encoder.layers.0'), 'fb7f9362 0714af4c')
})

test('random tensors on cpu are those of the reference, rounded', async (t) => {
  const random = { key: native.streamKey(1, 'w'), step: 0, sampleBase: 0 }
  for (const distribution of ['uniform', 'normal'] as const) {
    const cpu = native.random('cpu', 'f32', [1001], distribution, -1, 2, random)
    const reference = native.random('reference', 'f64', [1001], distribution, -1, 2, random)
    const [a, b] = await Promise.all([native.read(cpu), native.read(reference)])
    t.true(a.every((x, i) => Math.abs(x - b[i]!) <= 1e-6 * Math.max(1, Math.abs(b[i]!))))
  }
})

test('random arguments are checked', (t) => {
  const random = { key: Uint32Array.of(1, 2), step: 0, sampleBase: 0 }
  const refused: [Partial<NativeRandom>, RegExp][] = [
    [{ key: Uint32Array.of(1) }, /key: expected a Uint32Array of length 2/],
    [{ key: Int32Array.of(1, 2) as unknown as Uint32Array }, /key: expected a Uint32Array/],
    [{ step: -1 }, /step: expected an integer >= 0, got -1/],
    [{ sampleBase: 0.5 }, /sampleBase: expected an integer >= 0, got 0.5/],
    [{ stream: 256 }, /stream: expected an integer from 0 to 255, got 256/],
  ]
  for (const [change, message] of refused)
    t.throws(() => native.philox({ ...random, ...change }, 0, 1), { code: 'ERR_ARGUMENT', message })
})
