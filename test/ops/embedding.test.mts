import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkGolden, checkOp } from '../support/check.mjs'
import { golden } from '../support/golden.mjs'
import { Draw, ints, upload, type Host } from '../support/host.mjs'
import { allVariants, select, type Op } from '../support/op.mjs'

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
