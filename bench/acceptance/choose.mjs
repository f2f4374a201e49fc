// Which weights of a run to take: the last ones, those with the lowest validation loss, or the average of those
// after the last few passes (Vaswani et al. 2017, section 6.1, do so; passes over few data end around a better
// point rather than at it). Whichever a validation on the task's own measure prefers.
import { linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { io, Seq2Seq } from 'rnnative'

/** Passes that are averaged, as long as there are as many. */
const AVERAGED = [2, 4, 8, 12, 16]
const WEIGHTS = 'model.safetensors'

/** Where the weights after each pass are kept: begun anew. */
export function makeHistory(folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  /** Keeps a checkpoint's weights when the run has removed it. */
  return (step, checkpoint) =>
    linkSync(path.join(checkpoint, WEIGHTS), path.join(folder, `step-${step}.safetensors`))
}

/** The files of a history, the last first. */
function historyOf(folder) {
  const stepOf = (name) => Number(/\d+/.exec(name)[0])
  const names = readdirSync(folder).sort((a, b) => stepOf(b) - stepOf(a))
  return names.map((name) => path.join(folder, name))
}

/** A model of a directory with the mean of the weights in these files. */
async function average(directory, files, device) {
  const sums = new Map()
  for (const file of files)
    for (const [name, { shape, data }] of (await io.readSafetensors(file)).tensors) {
      const sum = sums.get(name) ?? { shape, data: new Float64Array(data.length) }
      data.forEach((value, i) => (sum.data[i] += value / files.length))
      sums.set(name, sum)
    }
  const mean = ([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]
  const model = await Seq2Seq.load(directory, { device })
  model.network.loadStateDict(new Map(Array.from(sums, mean)))
  return model
}

/** The model that `validate`, of which more is better, prefers, and what it found of each. */
export async function choose(last, checkpoint, history, validate) {
  const files = historyOf(history)
  const { device } = last.network.decoder.output.weight
  const candidates = [
    ['last', () => last],
    ['best', () => Seq2Seq.load(checkpoint, { device })],
    ...AVERAGED.filter((count) => count <= files.length).map((count) => [
      `mean of ${count}`,
      () => average(checkpoint, files.slice(0, count), device),
    ]),
  ]
  const validations = {}
  let chosen = null
  for (const [name, make] of candidates) {
    const model = await make()
    const score = (validations[name] = await validate(model))
    if (chosen === null || score > chosen.score) {
      await chosen?.model.dispose()
      chosen = { name, model, score }
    } else await model.dispose()
  }
  return { chosen: chosen.model, choice: { taken: chosen.name, validations } }
}
