/**
 * The training loop that all models share. One step: gradients (of one or more micro-batches), update,
 * and one await for loss and norm together, which also keeps the event loop free and the queue short.
 */
import { join } from 'node:path'
import { RnnativeError } from '../errors'
import { findCheckpoint, writeCheckpoint } from '../io/checkpoint'
import { readJson } from '../io/files'
import { MODEL_FILE, toHost } from '../io/model-files'
import { readSafetensors } from '../io/safetensors'
import { RandomContext } from '../nn'
import { adam, schedule as schedules, type Optimizer, type Schedule } from '../optim'
import type { Tensor } from '../tensor'
import { checkTrainingOptions } from './options'
import type { RunPlan, TrainingEvent, TrainingOptions, TrainingResult } from './options'
import type { ValidationEvent } from './options'
import { beginning, checkIdentity, parseSavedRun, TrainingClock } from './progress'
import type { Progress, SavedRun } from './progress'
import type { RunContext } from './run'
import { Programs, runsPrograms } from './programs'
import { withInputs, type TrainingStep, type TrainingTask } from './task'
import { Watchers } from './watchers'

const OPTIMIZER_FILE = 'optimizer.safetensors'
const CARRIED_FILE = 'carried.safetensors'
const STATE_FILE = 'state.json'

/** A run's result; throws `ERR_ABORTED` where its signal ended it. */
export function settle<R extends TrainingResult>(result: R, signal: AbortSignal | undefined): R {
  if (result.stopped !== 'aborted' || !signal?.aborted) return result
  const { step, checkpoint } = result
  throw new RnnativeError('ERR_ABORTED', `[fit] aborted after step ${step}`, {
    cause: signal.reason,
    details: { step, checkpoint },
  })
}

export class Trainer {
  private readonly task: TrainingTask
  private readonly watchers: Watchers
  private readonly options: TrainingOptions
  private readonly optimizer: Optimizer
  private readonly programs: Programs | null
  private schedule: Schedule
  private random: RandomContext
  private progress: Progress = beginning()
  private validated: { step: number; loss: number } | null = null
  private saved: { step: number; path: string } | null = null

  constructor(task: TrainingTask, options: TrainingOptions, seed: number) {
    checkTrainingOptions(options, task.validate !== undefined)
    this.task = task
    this.options = options
    this.watchers = new Watchers(options.watch)
    // A copy: plateau has state, and the caller may use the object again.
    this.schedule = schedules.create((options.schedule ?? schedules.constant()).toJSON())
    this.random = new RandomContext({ seed })
    this.optimizer = (options.optimizer ?? adam()).bind(task.module)
    const { device } = this.optimizer
    this.programs = runsPrograms(device) ? new Programs(device, this.optimizer) : null
  }

  /** Trains until a limit is reached or the run is asked to stop. */
  async run(context: RunContext<TrainingEvent>): Promise<TrainingResult> {
    try {
      const result = settle(await this.loop(context), this.options.signal)
      await this.watchers.end({ result })
      return result
    } catch (error) {
      await this.watchers.end({ error })
      throw error
    }
  }

  private async loop(context: RunContext<TrainingEvent>): Promise<TrainingResult> {
    if (this.options.resume) await this.resume()
    this.task.module.setRandom(this.random)
    this.watchers.begin(this.plan())
    const clock = new TrainingClock(this.progress)
    let loss: number | null = null
    let reason = context.stopping ? 'aborted' : this.limitReached()
    while (reason === null) {
      const event = await this.step(clock)
      loss = event.loss
      const endOfEpoch = this.advance()
      const { evaluateEvery, checkpointEvery } = this.options
      const due = (every: number | undefined) =>
        every === undefined ? endOfEpoch : this.progress.step % every === 0

      let newBest = false
      if (this.task.validate && due(evaluateEvery)) {
        event.validation = await this.validate(this.task.validate, true)
        newBest = event.validation.best
      }
      reason = context.stopping ? 'aborted' : this.limitReached()
      if (
        reason !== null &&
        reason !== 'aborted' &&
        this.task.validate &&
        this.validated?.step !== this.progress.step
      ) {
        event.validation = await this.validate(this.task.validate, false)
        newBest = event.validation.best
      }
      if (
        this.options.checkpoint !== undefined &&
        (newBest || reason !== null || due(checkpointEvery))
      )
        event.checkpoint = await this.save(this.options.checkpoint, newBest)
      this.watchers.event(event)
      context.emit(event, event.validation !== undefined)
    }
    const { step, epoch: epochs, tokens, seconds, best } = this.progress
    const { unit } = this.task
    return {
      stopped: reason,
      step,
      epochs,
      unit,
      items: tokens,
      ...(unit === 'tokens' ? { tokens } : {}),
      seconds,
      loss,
      validation: this.validated?.loss ?? null,
      best,
      checkpoint: this.saved?.path ?? null,
    }
  }

  private plan(): RunPlan {
    const { task, options, optimizer } = this
    const { step, seconds } = this.progress
    const { maxSteps = Infinity, maxSeconds = null } = options
    const steps = Math.min(maxSteps, Math.ceil(this.epochs * task.stepsPerEpoch))
    return {
      stepsPerEpoch: task.stepsPerEpoch,
      steps: Number.isFinite(steps) ? steps : null,
      maxSeconds,
      begun: { step, seconds },
      unit: task.unit,
      parameters: task.module.parameterCount,
      device: optimizer.device,
      facts: task.facts,
    }
  }

  dispose(): void {
    this.programs?.dispose()
    this.task.dispose()
    this.optimizer.dispose()
  }

  private async step(clock: TrainingClock): Promise<TrainingEvent> {
    const { task, optimizer, progress } = this
    const step = progress.step + 1
    clock.start()
    const epoch = progress.epoch + progress.index / task.stepsPerEpoch
    const factor = this.schedule.factor({ step, epoch, fraction: this.fraction() })
    const learningRate = optimizer.hyperparameters.lr * factor
    optimizer.lr = learningRate
    const plan = task.step(progress.index, step, this.random, this.programs !== null)
    const [gradientNorm = NaN, ...parts] = await this.measure(step, plan)
    const loss = parts.reduce((sum, part) => sum + part, 0)
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
      throw new RnnativeError(
        'ERR_NONFINITE',
        `[fit] step ${step}: loss ${loss}, gradient norm ${gradientNorm}, learning rate ` +
          `${learningRate}` +
          // The fused update skips itself on the norm alone.
          (Number.isFinite(gradientNorm) ? '' : '; the weights are those before the step'),
        { details: { step, loss, norm: gradientNorm, learningRate } },
      )
    clock.stop(plan.tokens)
    const rate = clock.tokensPerSecond()
    return {
      step,
      epoch: progress.epoch + 1,
      loss,
      gradientNorm,
      learningRate,
      unit: task.unit,
      items: progress.tokens,
      itemsPerSecond: rate,
      ...(task.unit === 'tokens' ? { tokens: progress.tokens, tokensPerSecond: rate } : {}),
      seconds: progress.seconds,
    }
  }

  /** Takes a step; the norm and the losses. */
  private async measure(step: number, plan: TrainingStep): Promise<number[]> {
    const { programs, optimizer } = this
    const read = (scalars: readonly Tensor[]) => Promise.all(scalars.map((scalar) => scalar.item()))
    const enqueue = (inputs: Tensor[]) => this.enqueue(plan, inputs)
    if (programs && plan.key !== null) return read(programs.run(step, plan, enqueue))
    const scalars = withInputs(plan.inputs, optimizer.device, enqueue)
    return read(scalars).finally(() => scalars.forEach((scalar) => scalar.dispose()))
  }

  /** Enqueues the step's ops; the norm and the losses. */
  private enqueue(plan: TrainingStep, inputs: Tensor[]): Tensor[] {
    const { optimizer } = this
    optimizer.zeroGrad()
    const losses = plan.gradient(inputs)
    const { clipNorm } = this.options
    return [optimizer.step({ clipNorm: clipNorm === Infinity ? 0 : clipNorm }), ...losses]
  }

  /** Moves on by a step; true at the end of a pass. */
  private advance(): boolean {
    const { progress, task } = this
    ++progress.step
    if (++progress.index < task.stepsPerEpoch) return false
    ++progress.epoch
    progress.index = 0
    task.reset()
    return true
  }

  /** How much of the run is over once the next step is made, by the limit that is nearest. */
  private fraction(): number {
    const { maxSteps = Infinity, maxSeconds = Infinity } = this.options
    const { step, epoch, index, seconds } = this.progress
    const passes = epoch + (index + 1) / this.task.stepsPerEpoch
    return Math.max((step + 1) / maxSteps, passes / this.epochs, seconds / maxSeconds)
  }

  /** Passes after which the run ends. */
  private get epochs(): number {
    const { maxSteps, maxSeconds, epochs } = this.options
    return epochs ?? (maxSteps === undefined && maxSeconds === undefined ? 1 : Infinity)
  }

  private limitReached(): TrainingResult['stopped'] | null {
    const { maxSteps, maxSeconds, patience } = this.options
    const { epochs } = this
    const { step, epoch, index, seconds, stale } = this.progress
    if (epoch + index / this.task.stepsPerEpoch >= epochs) return 'epochs'
    if (maxSteps !== undefined && step >= maxSteps) return 'steps'
    if (maxSeconds !== undefined && seconds >= maxSeconds) return 'seconds'
    if (patience !== undefined && stale >= patience) return 'patience'
    return null
  }

  /**
   * Validates. Only `regular` validations move the schedule and the patience: the one at the end of a
   * run that was cut short would not have happened in a longer run, which a resumed one must equal.
   */
  private async validate(
    measure: () => Promise<number>,
    regular: boolean,
  ): Promise<ValidationEvent> {
    const began = performance.now()
    const loss = await measure()
    const { progress } = this
    const best = progress.best === null || loss < progress.best.loss
    if (regular) {
      this.schedule.observe(loss)
      const better = progress.least === null || loss < progress.least
      progress.stale = better ? 0 : progress.stale + 1
      if (better) progress.least = loss
    }
    if (best) progress.best = { step: progress.step, loss }
    this.validated = { step: progress.step, loss }
    return { loss, best, seconds: (performance.now() - began) / 1000 }
  }

  private async save(directory: string, newBest: boolean): Promise<string> {
    const { task, progress, optimizer } = this
    const { tensors, meta } = optimizer.stateDict()
    try {
      const [model, optimizerState, carried] = await Promise.all([
        task.modelFiles(),
        toHost(tensors),
        task.carried(),
      ])
      const state: SavedRun = {
        format: 1,
        progress,
        seed: this.random.seed,
        schedule: this.schedule.toJSON(),
        optimizer: meta,
        identity: task.identity,
      }
      const files = {
        json: { ...model.json, [STATE_FILE]: state },
        tensors: { ...model.tensors, [OPTIMIZER_FILE]: optimizerState, [CARRIED_FILE]: carried },
      }
      const isBest = newBest || progress.best === null
      const path = await writeCheckpoint(directory, progress.step, files, isBest)
      this.saved = { step: progress.step, path }
      return path
    } finally {
      for (const tensor of tensors.values()) tensor.dispose()
    }
  }

  private async resume(): Promise<void> {
    const { task, optimizer } = this
    const path = await findCheckpoint(this.options.checkpoint as string, 'latest')
    if (path === null) return
    const statePath = join(path, STATE_FILE)
    const state = parseSavedRun(await readJson(statePath), statePath)
    checkIdentity(state.identity, task.identity)
    const [model, optimizerState, carried] = await Promise.all(
      [MODEL_FILE, OPTIMIZER_FILE, CARRIED_FILE].map((name) => readSafetensors(join(path, name))),
    )
    optimizer.loadStateDict({
      tensors: optimizerState?.tensors ?? new Map(),
      meta: state.optimizer,
    })
    task.module.loadStateDict(model?.tensors ?? new Map())
    task.restoreCarried(carried?.tensors ?? new Map())
    const { name, options } = this.schedule.toJSON()
    if (
      JSON.stringify([name, options]) ===
      JSON.stringify([state.schedule.name, state.schedule.options])
    )
      this.schedule = schedules.create(state.schedule)
    task.reseed?.(state.seed)
    this.random = new RandomContext({ seed: state.seed })
    const { best, least = best?.loss ?? null } = state.progress
    this.progress = { ...state.progress, least }
    this.saved = { step: state.progress.step, path }
  }
}
