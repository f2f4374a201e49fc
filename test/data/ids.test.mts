import { createHash } from 'node:crypto'
import test from 'ava'
import { checkIds, digest } from '#dist/data/ids.js'

test('a digest is that of all numbers, however many pieces it is made in', async (t) => {
  const many = Int32Array.from({ length: (1 << 20) + 3 }, (_, i) => i)
  const ends = Float64Array.of(1, 2)
  const whole = createHash('sha256').update(many).update(ends).digest('hex')
  t.is(await digest([many, ends]), whole)
  t.is(await digest([]), createHash('sha256').digest('hex'))
})

test('others have their turn while many ids are read', async (t) => {
  const ids = new Int32Array(1 << 25)
  let turns = 0
  const timer = setInterval(() => ++turns, 1)
  await digest([ids])
  await checkIds('fit', 'text', [ids], 1)
  clearInterval(timer)
  t.true(turns >= 32, String(turns)) // of 64 pieces
})

test('an id that is none of the vocabulary is told with its position', async (t) => {
  const ids = new Int32Array((1 << 20) + 9)
  ids[(1 << 20) + 4] = 7
  await t.notThrowsAsync(checkIds('fit', 'text', [ids], 8))
  await t.throwsAsync(checkIds('fit', 'text', [ids], 7), {
    code: 'ERR_INDEX',
    message: '[fit] text: expected ids from 0 to 6, got 7 at position 1048580',
  })
  ids[2] = -1
  await t.throwsAsync(checkIds('fit', 'text', [ids], 7), { message: /got -1 at position 2$/ })
  const parts = [new Int32Array(5), ids]
  await t.throwsAsync(checkIds('fit', 'text', parts, 7), { message: /got -1 at position 7$/ })
})
