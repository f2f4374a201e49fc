// What the acceptance runs of sequence-to-sequence models share.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { info, optim, Seq2Seq, Seq2SeqEnsemble } from 'rnnative'
import { circumstances } from '../circumstances.mjs'
import { choose, makeHistory } from './choose.mjs'

export const DATA =
  process.env.RNNATIVE_DATA ?? path.resolve(import.meta.dirname, '../../../shared/data')
const RESULTS = process.env.RNNATIVE_RESULTS ?? path.resolve(import.meta.dirname, '../results')

/** Writes bench/results/NAME.json (RNNATIVE_RESULTS names another folder), the machine and the day first. */
export function record(name, result) {
  mkdirSync(RESULTS, { recursive: true })
  const file = path.join(RESULTS, `${name}.json`)
  const { date, ...machine } = circumstances()
  const { threads, isa } = info()
  const whole = { date: date.slice(0, 10), ...machine, threads, isa, ...result }
  writeFileSync(file, `${JSON.stringify(whole, null, 2)}\n`)
  console.log(`recorded in ${file}`)
}

/** Steps before speed is measured: on a GPU most kinds of steps are recorded in the first few hundred. */
const WARM_STEPS = { cpu: 20, cuda: 600 }
const TIMED_STEPS = 100

/** A cosine that ends with `seconds` of training, as fast as a model like this one trains here. */
async function scheduleFor(seconds, makeModel, pairs, options) {
  const model = makeModel()
  const warm = WARM_STEPS[model.network.decoder.output.weight.device]
  let [begun, ended] = [0, 0]
  for await (const event of model.fit(pairs, { ...options, maxSteps: warm + TIMED_STEPS })) {
    if (event.step === warm) begun = event.seconds
    ended = event.seconds
  }
  await model.dispose()
  // A tenth is left to validation and to other work on the machine.
  const steps = Math.max(1, Math.floor((0.9 * seconds * TIMED_STEPS) / (ended - begun)))
  const warmup = Math.min(200, Math.floor(steps / 2))
  return optim.schedule.cosine({ steps, warmup, min: 0.02 })
}

/**
 * Trains to the end of `options`, telling how it goes every so often; gives the curve and the result.
 * With a `checkpoint` the best one by validation loss is kept there; `keep` is told each step after which
 * there was one, and where it lies.
 */
export async function train(model, pairs, { keep, ...options }) {
  // What an earlier run left there is replaced, as its history is.
  const run = model.fit(pairs, { ...options, overwrite: options.checkpoint !== undefined })
  const curve = []
  let [told, tokens] = [0, 0]
  for await (const event of run) {
    const { step, epoch, loss, seconds, validation, checkpoint } = event
    if (validation && checkpoint) keep?.(step, checkpoint)
    if (validation) {
      const speed = Math.round((event.tokens - tokens) / (seconds - (curve.at(-1)?.seconds ?? 0)))
      curve.push({
        step,
        seconds: Math.round(seconds),
        loss: validation.loss,
        tokensPerSecond: speed,
      })
      tokens = event.tokens
      console.log(
        `epoch ${epoch} step ${step} ${seconds.toFixed(0)} s: validation ${validation.loss.toFixed(4)}, ${speed} tokens/s`,
      )
    } else if (seconds - told > 30) {
      told = seconds
      console.log(`epoch ${epoch} step ${step} ${seconds.toFixed(0)} s: loss ${loss.toFixed(4)}`)
    }
  }
  const { step, epochs, seconds, tokens: learned, best } = await run
  return { curve, step, epochs, seconds: Math.round(seconds), tokens: learned, best }
}

/**
 * Trains a new model for `seconds`, annealing over that time. `options`: of every fit; `own`: of this
 * one, such as where its checkpoint lies.
 */
export async function trainFor(seconds, makeModel, pairs, options, own) {
  const schedule = await scheduleFor(seconds, makeModel, pairs, options)
  const model = makeModel()
  const run = await train(model, pairs, { ...options, ...own, schedule, maxSeconds: seconds })
  return { model, schedule: schedule.toJSON(), run }
}

/** Seconds that `body` takes, and what it gives. */
export async function timed(body) {
  const begin = performance.now()
  const result = await body()
  return { seconds: (performance.now() - begin) / 1000, result }
}

/** What the first of several members may count for; the others share the rest. */
const SHARES = [0.5, 0.6, 0.7, 0.8]

/** The ensemble, of those in which the first member counts for more or less, that validates best. */
async function bestEnsemble(models, validate) {
  const others = models.length - 1
  const tried = []
  for (const share of [1 / models.length, ...SHARES]) {
    const weights = models.map((_, i) => (i === 0 ? share : (1 - share) / others))
    const ensemble = new Seq2SeqEnsemble(models, { weights })
    tried.push({ weights, validation: await validate(ensemble), ensemble })
  }
  const [{ ensemble }] = tried.toSorted((a, b) => b.validation - a.validation)
  const scores = tried.map(({ weights, validation }) => ({ weights, validation }))
  return { ensemble, tried: scores }
}

/**
 * The commands of a task. `train NAME`: `learn` trains a model with checkpoints in
 * runs/TASK/NAME-checkpoints, and gives it and what to record of it. Of its weights those that `validate`,
 * of which more is better, prefers (choose.mjs) are saved in runs/TASK/NAME, and recorded with what `measure`
 * finds. `ensemble NAME NAME...` measures several of them together, with the weights that
 * `validate` prefers.
 */
export async function runCommand(task, [command, ...names], { learn, validate, measure, tell }) {
  const folder = (name) => path.resolve('runs', task, name)
  if (command === 'train') {
    const [name = 'main'] = names
    const [checkpoint, history] = [`${folder(name)}-checkpoints`, `${folder(name)}-history`]
    const keep = makeHistory(history)
    const { model, ...learned } = await learn({ checkpoint, keep })
    const { chosen, choice } = await choose(model, checkpoint, history, validate)
    await chosen.save(folder(name))
    const result = { ...(await measure(chosen)), choice, ...learned }
    await chosen.dispose()
    tell(name, result)
    record(`${task}-${name}`, result)
  } else if (command === 'ensemble' && names.length > 1) {
    const models = await Promise.all(names.map((name) => Seq2Seq.load(folder(name))))
    const { ensemble, tried } = await bestEnsemble(models, validate)
    const scores = await measure(ensemble)
    for (const model of models) await model.dispose()
    tell(names.join(' + '), scores)
    record(`${task}-ensemble`, { members: names, ...ensemble.options, tried, ...scores })
  } else {
    console.error(`usage: ${task}.mjs train NAME | ensemble NAME NAME...`)
    process.exitCode = 2
  }
}

/** What a command line names of a table; any other name is refused. */
export function named(table, name) {
  if (name === undefined || !Object.hasOwn(table, name))
    throw new Error(`expected one of ${Object.keys(table).join(', ')}, got ${name ?? 'none'}`)
  return table[name]
}
