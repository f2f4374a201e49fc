/**
 * Recurrent weights whose blocks are mostly zero, whose empty turns are left out of products: as right as any, and to the
 * last bit what the products are with the zeros in. Those are tiny numbers here, which a sum swallows.
 */
import test from 'ava'
import { checkOp, SLOW } from '../../support/check.mjs'
import { identical } from '../../support/compare.mjs'
import { describe, evaluate, kernels, type Op } from '../../support/op.mjs'
import { CELLS, drawInputs, GATES, recurrent, type Stack } from '../../support/recurrent.mjs'

type Inputs = ReturnType<typeof drawInputs>

/** A fifth of the blocks of R is kept, none of some units. */
const kept = (block: number, at: number): boolean => block !== 1 && (3 * block + 2 * at) % 5 === 0

function pruned(inputs: Inputs, stack: Stack, instead: number): Inputs {
  const { cell, hidden } = stack
  const made = { ...inputs }
  for (const [name, host] of Object.entries(inputs)) {
    if (!name.startsWith('w_hh') || host === null) continue
    const data = host.data.slice()
    for (let row = 0; row < GATES[cell]! * hidden; ++row)
      for (let column = 0; column < hidden; ++column)
        if (!kept((row % hidden) >> 4, column >> 2)) data[row * hidden + column] = instead
    made[name] = { ...host, data }
  }
  return made
}

for (const cell of CELLS)
  test.serial(`${cell}: blocks of zeros`, async (t) => {
    for (const [hidden, batch, lengths] of [
      [37, 1, undefined],
      [80, 5, [3, 0, 2, 3, 1]],
      [100, 40, undefined],
    ] as const) {
      if (SLOW && hidden > 80) continue
      const stack = { cell, layers: 1, directions: hidden < 40 ? 2 : 1, hidden }
      const sizes = { time: 3, batch, input: 5 }
      const inputs = drawInputs(stack, sizes, lengths && { lengths: [...lengths] })
      const zeros = recurrent(stack, pruned(inputs, stack, 0))
      const tiny = recurrent(stack, pruned(inputs, stack, 1e-30))
      await checkOp(t, zeros, { large: true, threads: [1, 2] })
      for (const precision of ['f32', 'bf16'] as const)
        for (const inference of [false, true])
          for (const one of kernels(2).filter(({ device }) => device === 'cpu')) {
            const made = (op: Op) =>
              evaluate(recurrent({ ...stack, precision, inference }, op.inputs), one)
            const where = `${describe(one)}, ${precision}, ${hidden}`
            identical(t, await made(zeros), await made(tiny), where)
          }
    }
  })
