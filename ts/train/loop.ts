/** The training loop that all models share: steps until a limit, with validations and checkpoints between. */
import { expect, RnnativeError } from '../errors'
import { RandomContext } from '../nn'
import { adam, Optimizer, schedule as schedules, type Schedule } from '../optim'
import { nonFinite, settle, unsound } from './ending'
import { FeedReader, type Feed, type Portion } from './feed'
import { Limits } from './limits'
import type { Objective } from './objective'
import { checkTrainingOptions } from './options'
import type { Change, RunPlan, TrainingEvent, TrainingOptions, TrainingResult } from './options'
import type { ValidationEvent } from './options'
import { beginning, TrainingClock, type Progress } from './progress'
import { changesOf, checkIdentity, forgetLosses, settingsOf, stateOf } from './resume'
import { unlessStopped, type RunContext } from './run'
import { loadRun, saveRun } from './state'
import { Steps, type Measured } from './step'
import { figures, means } from './totals'
import { Watchers } from './watchers'

/** How a model is trained, besides what its caller chooses. */
export interface LoopOptions extends TrainingOptions {
  /** Of dropout and, in feeds without a seed of their own, of the order of batches. */
  seed: number
  /** Portions of the feed that make up a step. */
  perStep: number
}

export class TrainingLoop<B, C extends object> {
  private readonly watchers: Watchers
  private readonly optimizer: Optimizer
  private readonly steps: Steps<B, C>
  private readonly limits: Limits
  private readonly identity: Readonly<Record<string, unknown>>
  private schedule: Schedule
  private progress: Progress = beginning()
  private validated: { step: number; loss: number } | null = null
  private saved: { step: number; path: string } | null = null
  private changed: readonly Change[] = []

  constructor(
    private readonly objective: Objective<B, C>,
    private readonly feed: Feed<B>,
    private readonly options: LoopOptions,
  ) {
    checkTrainingOptions(options, objective.validate !== undefined)
    this.identity = { ...objective.identity, ...feed.identity }
    this.watchers = new Watchers(options.watch)
    this.limits = new Limits(options)
    // A copy: plateau has state, and the caller may use the object again.
    this.schedule = schedules.create((options.schedule ?? schedules.constant()).toJSON())
    const { name, options: given } = this.schedule.toJSON()
    const spans = ['cosine', 'linear'].includes(name) && given['steps'] === undefined
    const ends = this.limits.finite || !spans
    expect('fit', 'schedule', ends, 'one with steps, as nothing ends the run', name)
    const optimizer = (options.optimizer ?? adam()).bind(objective.module)
    const bound = optimizer instanceof Optimizer
    expect('fit', 'optimizer', bound, 'one such as optim.adam() gives', options.optimizer)
    this.optimizer = optimizer
    const random = new RandomContext({ seed: options.seed })
    this.steps = new Steps(objective, this.optimizer, options, random)
  }

  /** Trains until a limit is reached or the run is asked to stop; throws `ERR_ABORTED` if its signal asked. */
  async run(context: RunContext<TrainingEvent>): Promise<TrainingResult> {
    const reader = new FeedReader(
      this.feed,
      this.options.perStep,
      this.steps.repeating,
      context as RunContext<never>,
    )
    try {
      const result = settle(await this.train(reader, context), this.options.signal)
      await this.watchers.end({ result })
      return result
    } catch (error) {
      await this.rescue().catch(() => undefined) // the first error says more
      await this.watchers.end({ error, checkpoint: this.saved?.path ?? null })
      throw error
    } finally {
      reader.close()
    }
  }

  private async train(
    reader: FeedReader<B>,
    context: RunContext<TrainingEvent>,
  ): Promise<TrainingResult> {
    const { objective, options, watchers } = this
    if (options.resume) await this.resume()
    objective.module.setRandom(this.steps.random)
    await objective.checkRoom?.((portion) => this.steps.rehearse(portion))
    watchers.begin(this.plan(reader))
    const clock = new TrainingClock(this.progress)
    const stopped = () => (context.stopping ? 'aborted' : this.limitReached(reader))
    let loss: number | null = null
    if (this.progress.owed) await this.catchUp(context)
    let reason = stopped()
    while (reason === null) {
      const event = await this.step(reader, clock)
      if (event === null) {
        reason = stopped()
        continue
      }
      loss = event.loss
      const endOfEpoch = await this.advance(reader)
      const due = (every: number | undefined) =>
        every === undefined ? endOfEpoch : this.progress.step % every === 0

      let validation = due(options.evaluateEvery) ? await this.validate(context, true) : null
      reason = stopped()
      if (reason !== null && reason !== 'aborted' && this.validated?.step !== this.progress.step)
        validation = await this.validate(context, false)
      if (validation !== null) event.validation = validation
      const saves = validation?.best || reason !== null || due(options.checkpointEvery)
      const directory = saves ? options.checkpoint : undefined
      const doubtful = validation !== null && !Number.isFinite(validation.loss)
      const sound = (directory === undefined && !doubtful) || (await this.optimizer.isFinite())
      if (directory !== undefined && sound) event.checkpoint = await this.save(directory)
      watchers.event(event)
      context.emit(event, event.validation !== undefined)
      if (!sound) throw unsound(event)
    }
    await this.rescue() // stopped while it waited for data
    return this.result(reason, loss)
  }

  /** Makes a step. Null where there was none to make: the pass had ended, or the run is asked to stop. */
  private async step(reader: FeedReader<B>, clock: TrainingClock): Promise<TrainingEvent | null> {
    const { optimizer, progress, steps, feed } = this
    clock.start()
    const portions = await reader.take(progress)
    if (portions === null) return null
    if (portions.length === 0) {
      this.endPass()
      return null
    }
    const step = progress.step + 1
    const stepsPerEpoch = this.stepsPerEpoch(reader)
    const epoch = progress.epoch + progress.index / (stepsPerEpoch ?? Infinity)
    const fraction = this.limits.fraction(progress, stepsPerEpoch)
    const learningRate =
      optimizer.hyperparameters.lr * this.schedule.factor({ step, epoch, fraction })
    optimizer.lr = learningRate
    const running = steps.run(step, portions)
    const next = reader.ahead()
    if (next !== null && next.length > 0 && this.goesOn(stepsPerEpoch, clock.lastStep))
      this.prepare(step + 1, next)
    const { loss, gradientNorm, measures, penalties } = await this.settled(
      running,
      step,
      learningRate,
    )
    clock.stop(portions.reduce((sum, { items }) => sum + items, 0))
    const { unit } = feed
    const [items, itemsPerSecond] = [progress.items, clock.itemsPerSecond()]
    return {
      ...{ step, epoch: progress.epoch + 1, loss },
      ...(measures && { measures }),
      ...(penalties && { penalties }),
      ...{ gradientNorm, learningRate, unit, items, itemsPerSecond },
      ...(unit === 'tokens' && { tokens: items, tokensPerSecond: itemsPerSecond }),
      seconds: progress.seconds,
    }
  }

  /** What a step came to. Where it has failed, all is as before it when this throws. */
  private async settled(
    running: Promise<Measured>,
    step: number,
    learningRate: number,
  ): Promise<Measured> {
    try {
      const measured = await running
      const { loss, gradientNorm, penalties = {} } = measured
      if ([loss, gradientNorm, ...Object.values(penalties)].every(Number.isFinite)) return measured
      throw nonFinite(step, loss, gradientNorm, learningRate, penalties)
    } catch (error) {
      this.steps.takeBack()
      throw error
    }
  }

  /** Whether nothing comes between this step and the next, as far as can be told before it has run. */
  private goesOn(stepsPerEpoch: number | null, lastStep: number): boolean {
    const { options, progress, objective } = this
    const step = progress.step + 1
    const due = (every: number | undefined) => every !== undefined && step % every === 0
    if (objective.validate && due(options.evaluateEvery)) return false
    if (options.checkpoint !== undefined && due(options.checkpointEvery)) return false
    const seconds = progress.seconds + 2 * lastStep
    const after = { ...progress, step, index: progress.index + 1, seconds }
    return this.limits.reached(after, stepsPerEpoch) === null
  }

  private prepare(step: number, portions: readonly Portion<B>[]): void {
    try {
      this.steps.prepare(step, portions)
    } catch {
      // It will throw again in its turn, when what this step has come to has been told and kept.
    }
  }

  /** Moves on by a step; true at the end of a pass. */
  private async advance(reader: FeedReader<B>): Promise<boolean> {
    const { progress } = this
    ++progress.step
    ++progress.index
    if (!(await reader.ended())) return false
    if (reader.stepsPerEpoch === null) progress.stepsPerEpoch = progress.index
    this.endPass()
    return true
  }

  private endPass(): void {
    ++this.progress.epoch
    this.progress.index = 0
    this.steps.carried.reset()
  }

  private stepsPerEpoch(reader: FeedReader<B>): number | null {
    return reader.stepsPerEpoch ?? this.progress.stepsPerEpoch
  }

  private limitReached(reader: FeedReader<B>): TrainingResult['stopped'] | null {
    return this.limits.reached(this.progress, this.stepsPerEpoch(reader))
  }

  /**
   * Validates. Only `regular` validations move the schedule and the patience: the one at the end of a
   * run that was cut short would not have happened in a longer run, which a resumed one must equal. Nor does a
   * loss that is not finite. Null without validation data, and when the run is asked to stop meanwhile: a resumed
   * run then begins with it.
   */
  private async validate(
    context: RunContext<TrainingEvent>,
    regular: boolean,
  ): Promise<ValidationEvent | null> {
    const { objective, progress } = this
    if (!objective.validate) return null
    const began = performance.now()
    progress.owed = regular
    if (context.stopping) return null
    const totals = await unlessStopped(
      objective.validate(() => {
        if (context.stopping) throw new RnnativeError('ERR_ABORTED', '[fit] asked to stop')
      }),
      context,
    )
    if (totals === null) return null
    progress.owed = false
    const loss = means(totals)['loss'] ?? NaN
    const measures = figures(totals, objective.summary)
    const finite = Number.isFinite(loss)
    const best = finite && (progress.best === null || loss < progress.best.loss)
    if (regular && finite) {
      this.schedule.observe(loss)
      const better = progress.least === null || loss < progress.least
      progress.stale = better ? 0 : progress.stale + 1
      if (better) progress.least = loss
    }
    if (best) progress.best = { step: progress.step, loss }
    this.validated = { step: progress.step, loss }
    const seconds = (performance.now() - began) / 1000
    return { loss, ...(measures && { measures }), best, seconds }
  }

  /** Makes a validation that the run which is resumed was stopped in. */
  private async catchUp(context: RunContext<TrainingEvent>): Promise<void> {
    const { checkpoint } = this.options
    const made = await this.validate(context, true)
    if (made?.best && checkpoint !== undefined) await this.save(checkpoint)
  }

  /** Keeps what a run has learned that ends amid its steps, unless that is of no use. */
  private async rescue(): Promise<void> {
    const { checkpoint } = this.options
    const { step } = this.progress
    if (checkpoint === undefined || step === 0 || this.saved?.step === step) return
    if (await this.optimizer.isFinite()) await this.save(checkpoint)
  }

  private get settings(): Readonly<Record<string, unknown>> {
    return settingsOf(this.options, this.optimizer, this.schedule, this.objective)
  }

  private async save(directory: string): Promise<string> {
    const { progress, objective, schedule, identity, settings, steps } = this
    const { seed } = steps.random
    const run = {
      state: { progress, seed, schedule: schedule.toJSON(), identity, settings },
      model: () => objective.files(),
      carried: () => steps.carried.toHost(),
    }
    const isBest = progress.best === null || progress.best.step === progress.step
    const path = await saveRun(directory, this.optimizer, run, isBest)
    this.saved = { step: progress.step, path }
    return path
  }

  private async resume(): Promise<void> {
    const loaded = await loadRun(this.options.checkpoint as string)
    if (loaded === null) return
    const { path, state, model, optimizer, carried } = loaded
    checkIdentity(state.identity, this.identity)
    checkIdentity({ optimizer: stateOf(state.optimizer) }, { optimizer: stateOf(this.optimizer) })
    await this.objective.module.loadInStretches(model)
    await this.optimizer.loadInStretches({ tensors: optimizer, meta: state.optimizer })
    this.steps.carried.restore(carried)
    this.changed = changesOf(state.settings, this.settings)
    if (this.changed.some(({ name }) => name === 'validation')) forgetLosses(state)
    const { name, options } = this.schedule.toJSON()
    const same = [state.schedule.name, state.schedule.options]
    if (JSON.stringify([name, options]) === JSON.stringify(same))
      this.schedule = schedules.create(state.schedule)
    this.feed.reseed?.(state.seed)
    this.objective.reseed?.(state.seed)
    this.steps.random = new RandomContext({ seed: state.seed })
    this.progress = state.progress
    this.saved = { step: state.progress.step, path }
  }

  private plan(reader: FeedReader<B>): RunPlan {
    const { objective, feed, optimizer, changed } = this
    const { step, seconds } = this.progress
    const stepsPerEpoch = this.stepsPerEpoch(reader)
    return {
      stepsPerEpoch,
      steps: this.limits.steps(stepsPerEpoch),
      maxSeconds: this.options.maxSeconds ?? null,
      ...{ changed, begun: { step, seconds } },
      unit: feed.unit,
      parameters: objective.module.parameterCount,
      device: optimizer.device,
      facts: { ...feed.facts, ...objective.facts },
    }
  }

  private result(stopped: TrainingResult['stopped'], loss: number | null): TrainingResult {
    const { step, epoch: epochs, items, seconds, best } = this.progress
    const { unit } = this.feed
    return {
      ...{ stopped, step, epochs, unit, items },
      ...(unit === 'tokens' && { tokens: items }),
      ...{ seconds, loss, validation: this.validated?.loss ?? null, best },
      checkpoint: this.saved?.path ?? null,
    }
  }

  dispose(): void {
    this.steps.dispose()
    this.optimizer.dispose()
  }
}
