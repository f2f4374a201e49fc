import test from 'ava'
import fc from 'fast-check'
import { evaluationWindows, IGNORED, TokenStreams } from '#dist/data/index.js'

const text = (length: number) => Int32Array.from({ length }, (_, i) => i)

test('a row continues in the next window, and targets follow inputs', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 60 }),
      (batch, steps, more) => {
        const streams = new TokenStreams(text(batch * steps + 1 + more), { batch, steps })
        const rows = Array.from({ length: batch }, (): number[] => [])
        for (let w = 0; w < streams.windows; ++w) {
          const { inputs, targets, steps: own } = streams.window(w)
          t.true(own === steps || own === steps - 1 || own >= streams.length / streams.windows - 1)
          inputs.forEach((token, i) => {
            t.is(targets[i], token + 1)
            rows[i % batch]?.push(token)
          })
        }
        const all = rows.flat()
        return all.every((token, i) => token === i) && all.length === streams.length * batch
      },
    ),
  )
})

test('parts of a window hold the rows of the whole', (t) => {
  const streams = new TokenStreams(text(100), { batch: 4, steps: 5 })
  const whole = streams.window(1)
  const part = streams.window(1, 1, 2)
  for (let step = 0; step < 5; ++step)
    t.deepEqual(
      part.inputs.slice(2 * step, 2 * step + 2),
      whole.inputs.slice(4 * step + 1, 4 * step + 3),
    )
})

test('a text shorter than a window is refused', (t) => {
  t.throws(() => new TokenStreams(text(20), { batch: 4, steps: 5 }), { code: 'ERR_EMPTY' })
  t.is(new TokenStreams(text(21), { batch: 4, steps: 5 }).windows, 1)
})

test('evaluation scores every token but the first exactly once, in its own context', (t) => {
  for (const length of [2, 3, 64, 65, 1000, 1281, 5000, 70_001]) {
    const scored = new Uint8Array(length)
    const last: number[] = [] // the token that each row read last
    for (const { rows, inputs, targets } of evaluationWindows(text(length), 64))
      inputs.forEach((token, i) => {
        const row = i % rows
        if (targets[i] === IGNORED) {
          last[row] = token
          return
        }
        if (last[row] !== undefined && token !== (last[row] as number) + 1)
          t.fail(`gap at ${token}`)
        last[row] = token
        if (targets[i] !== token + 1) t.fail(`wrong target at ${token}`)
        ++scored[targets[i] as number]!
      })
    t.is(scored[0], 0)
    t.true(
      scored.subarray(1).every((count) => count === 1),
      `length ${length}`,
    )
  }
})
