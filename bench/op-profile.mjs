// Where a language model's training step goes, op by op: how little of it the ops take that memory
// bounds (embedding, dropout, cross-entropy's softmax, clipping, the optimizer).
//
//   node bench/op-profile.mjs [--out FILE] [--steps 40]
//
// Cross-entropy holds three products with the output projection (logits, their gradients with respect to
// the states and the weight); ops.matmul of the same sizes is timed beside it, and the rest counts as softmax.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { info, noGrad, ops, profile, randn, scope } from 'rnnative'
import { circumstances } from './circumstances.mjs'
import { prepareLanguage } from './contestants/ours/ours-language.mjs'
import { LANGUAGE_MODELS } from './measure/rows.mjs'

const { values } = parseArgs({
  options: { out: { type: 'string' }, steps: { type: 'string', default: '40' } },
})
const STEPS = Number(values.steps)

const product = (a, b, options) => scope(() => void noGrad(() => ops.matmul(a, b, options)))

/** Milliseconds of the projection's three products in one step. */
async function projectionTime({ steps, batch, hidden, vocabulary }) {
  const rows = steps * batch
  const x = randn([rows, hidden])
  const w = randn([vocabulary, hidden])
  const d = randn([rows, vocabulary])
  const all = () => {
    product(x, w, { transposeB: true })
    product(d, w)
    product(d, x, { transposeA: true })
  }
  await profile(all) // warm
  const times = await profile(() => Array.from({ length: STEPS }, all))
  for (const tensor of [x, w, d]) tensor.dispose()
  return times.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / STEPS
}

/** Milliseconds by op of so many steps, and of what a fit does once. */
async function profileSteps(prepared, count) {
  const rows = await profile(() => prepared.runs(count))
  return new Map(rows.map(({ op, milliseconds }) => [op, milliseconds]))
}

async function measure(task) {
  const prepared = await prepareLanguage(task)
  await prepared.runs(5)
  const [some, more] = [
    await profileSteps(prepared, STEPS),
    await profileSteps(prepared, 2 * STEPS),
  ]
  await prepared.dispose()
  const all = [...more]
    .map(([op, ms]) => ({ op, ms: Math.max(0, ms - (some.get(op) ?? 0)) / STEPS }))
    .toSorted((a, b) => b.ms - a.ms)
  const sum = (chosen) => chosen.reduce((total, { ms }) => total + ms, 0)
  const total = sum(all)
  const fused = sum(all.filter(({ op }) => /cross_entropy/.test(op)))
  const recurrent = sum(all.filter(({ op }) => /^(lstm|gru)/.test(op)))
  const projection = Math.min(fused, await projectionTime(task))
  const small = total - recurrent - projection
  return { milliseconds: total, recurrent, projection, rest: small, share: small / total, ops: all }
}

const results = {}
for (const [name, task] of Object.entries(LANGUAGE_MODELS)) {
  const result = (results[name] = await measure(task))
  const percent = (part) => `${((100 * part) / result.milliseconds).toFixed(1)}%`
  console.log(
    `${name}: ${result.milliseconds.toFixed(2)} ms a step; recurrent ${percent(result.recurrent)}, ` +
      `projection ${percent(result.projection)}, all else ${percent(result.rest)}`,
  )
  for (const { op, ms } of result.ops) console.log(`  ${op.padEnd(28)} ${ms.toFixed(3)} ms`)
}
if (values.out) {
  const { threads, isa } = info()
  const all = { ...circumstances(), threads, isa, steps: STEPS, results }
  writeFileSync(values.out, `${JSON.stringify(all, null, 2)}\n`)
}
