import test from 'ava'
import { native, type NativeTensor } from '#dist/native/index.js'
import { checkGolden, checkOp, F32_TOLERANCE } from '../support/check.mjs'
import { near } from '../support/compare.mjs'
import { golden } from '../support/golden.mjs'
import { download, Draw, ints, upload, type Host } from '../support/host.mjs'
import { allVariants, describe, select, type Op } from '../support/op.mjs'

const embedding = (ids: Host, table: Host): Op => ({
  inputs: { ids, table },
  differentiable: ['table'],
  shapes: { y: [...ids.shape, table.shape[1] as number] },
  forward: ({ ids, table }) => ({
    outputs: { y: native.embedding(ids!, table!) },
    backward: (up, sinks) =>
      native.embeddingBackward(ids!, up['y']!, sinks.list('table'), sinks.bits('table')),
  }),
})

const GOLDEN = await golden('embedding')

test.serial('embedding', async (t) => {
  const draw = new Draw(15)
  for (const [shape, vocabulary, features] of [
    [[1], 1, 1],
    [[3], 5, 3],
    [[5, 17], 9, 17],
    [[4, 1], 100, 100],
    [[0], 7, 3],
    [[33, 40], 50, 33],
    [[700], 3, 36],
  ] as const)
    await checkOp(t, embedding(draw.ints(shape, vocabulary), draw.reals([vocabulary, features])), {
      large: features === 33 || features === 36,
    })
})

for (const { name, tensors } of GOLDEN)
  test.serial(`PyTorch: ${name}`, async (t) => {
    const op = embedding(tensors['ids']!, tensors['table']!)
    await checkGolden(t, op, { y: tensors['dy']! }, tensors)
  })

test.serial('an id out of range fails the result with its place', async (t) => {
  for (const variant of allVariants())
    for (const bad of [50, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      select(variant)
      const { device } = variant
      const table = upload(device, new Draw(1).reals([50, 3]))
      const ids = upload(device, ints([2, 3], [0, 1, 49, bad, 2, bad]))
      const y = native.embedding(ids, table)
      const forward = await t.throwsAsync(native.read(y), { code: 'ERR_INDEX' })
      t.is(forward?.message, `[embedding] id ${bad} at position 3: expected 0..49`)
      const dy = upload(device, new Draw(2).reals([2, 3, 3]))
      const dtable = upload(device, new Draw(2).reals([50, 3]))
      native.embeddingBackward(ids, dy, [dtable], 0)
      await t.throwsAsync(native.read(dtable), { code: 'ERR_INDEX' })
      for (const tensor of [table, ids, y, dy, dtable]) native.dispose(tensor)
    }
})

/** Rows that several lists of ids name, as one dense gradient has them: its rows without those of zeros. */
const touched = (lists: Host[], none: number[], dy: Host, vocabulary: number): Op => ({
  inputs: { ...Object.fromEntries(lists.map((ids, i) => [`ids_${i}`, ids])), dy },
  differentiable: [],
  shapes: {},
  forward: ({ dy, ...ids }) => {
    const made = native.touchedRows(Object.values(ids) as NativeTensor[], none, dy!, vocabulary)
    return { outputs: { sums: made.sums }, extra: [made.touched] }
  },
})

test.serial('touched rows', async (t) => {
  const draw = new Draw(16)
  for (const [sizes, none, vocabulary, features] of [
    [[1], [-1], 1, 1],
    [[0], [-1], 3, 2],
    [[40], [-1], 9, 17],
    [[4, 0, 5], [-1, 0, 2], 100, 3],
    [[700, 33], [1, -1], 3, 36],
    [[7], [0], 1, 5],
    [[2000, 2000], [3, -1], 5000, 64],
  ] as const) {
    const rows = sizes.reduce((sum: number, size) => sum + size, 0)
    const lists = sizes.map((size) => draw.ints([size], vocabulary))
    const dy = draw.reals([rows, features])
    await checkOp(t, touched(lists, [...none], dy, vocabulary), { large: features === 64 })

    const ids = lists.flatMap(({ data }, i) => [...data].map((id) => (id === none[i] ? -1 : id)))
    const named = [...new Set(ids.filter((id) => id >= 0))].sort((a, b) => a - b)
    const capacity = Math.min(rows, vocabulary)
    const expected = [...named, ...Array<number>(capacity - named.length).fill(-1)]
    for (const variant of allVariants()) {
      select(variant)
      const { device } = variant
      const given = lists.map((list) => upload(device, list))
      const up = upload(device, dy)
      const made = native.touchedRows(given, [...none], up, vocabulary)
      const where = `${describe(variant)}: ${sizes.join()} of ${vocabulary}`
      t.deepEqual([...(await download(made.touched))], expected, where)
      const sums = await download(made.sums)
      const dense = new Float64Array(vocabulary * features)
      ids.forEach((id, n) => {
        for (let f = 0; id >= 0 && f < features; ++f)
          dense[id * features + f]! += dy.data[n * features + f]!
      })
      const own = expected.flatMap((id) =>
        Array.from({ length: features }, (_, f) => (id < 0 ? 0 : dense[id * features + f]!)),
      )
      near(t, { sums }, { sums: Float64Array.from(own) }, F32_TOLERANCE, where)
      for (const tensor of [...given, up, made.touched, made.sums]) native.dispose(tensor)
    }
  }
})
