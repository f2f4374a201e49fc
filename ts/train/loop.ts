/** The training loop that all models share: steps until a limit, with validations and checkpoints between. */
import { ALONE } from '../data/feed'
import { expect } from '../errors'
import { RandomContext } from '../nn'
import { adam, Optimizer, schedule as schedules, type Pruner } from '../optim'
import { Averages } from './averages'
import { Checkpoints } from './checkpoints'
import { nonFinite, settle, unsound } from './ending'
import { FeedReader, type Feed, type Portion } from './feed'
import { Limits } from './limits'
import type { Objective } from './objective'
import { checkTrainingOptions } from './options'
import type { RunPlan, TrainingEvent, TrainingResult } from './options'
import { beginning, TrainingClock, type Progress } from './progress'
import type { Ranks } from './ranks'
import type { RunContext } from './run'
import type { LoopOptions, Standing } from './standing'
import { Steps } from './step'
import { measuredOf, type Measured } from './step-sums'
import { agreed, agreeOn, meet, type Made } from './together'
import { validate } from './validations'
import { Watchers } from './watchers'

export class TrainingLoop<B, C extends object> {
  private readonly watchers: Watchers
  private readonly optimizer: Optimizer
  private readonly steps: Steps<B, C>
  private readonly limits: Limits
  private readonly averages: Averages
  private readonly checkpoints: Checkpoints<B, C>
  private readonly standing: Standing
  private readonly pruner: Pruner | null
  /** How much of the run is over once the last step that was begun is made. */
  private fraction = 0

  constructor(
    private readonly objective: Objective<B, C>,
    private readonly feed: Feed<B>,
    private readonly options: LoopOptions,
  ) {
    checkTrainingOptions(options, objective.validate !== undefined)
    this.watchers = new Watchers(options.watch)
    this.limits = new Limits(options)
    // A copy: plateau has state, and the caller may use the object again.
    const schedule = schedules.create((options.schedule ?? schedules.constant()).toJSON())
    const { name, options: given } = schedule.toJSON()
    const spans = ['cosine', 'linear'].includes(name) && given['steps'] === undefined
    const ends = this.limits.finite || !spans
    expect('fit', 'schedule', ends, 'one with steps, as nothing ends the run', name)
    const optimizer = (options.optimizer ?? adam()).bind(objective.module, options.groups ?? [])
    const bound = optimizer instanceof Optimizer
    expect('fit', 'optimizer', bound, 'one such as optim.adam() gives', options.optimizer)
    this.optimizer = optimizer
    this.pruner = options.prune?.bind(optimizer) ?? null
    const prunes =
      this.limits.finite || this.pruner === null || options.prune?.settings.to !== undefined
    expect('fit', 'prune', prunes, 'one with to, as nothing ends the run', options.prune)
    const random = new RandomContext({ seed: options.seed })
    this.steps = new Steps(objective, optimizer, options, random)
    this.averages = new Averages(options.average, optimizer)
    const progress = beginning()
    this.standing = { progress, schedule, validated: null, saved: null, changed: [] }
    const run = [this.optimizer, this.steps, this.averages, this.standing] as const
    this.checkpoints = new Checkpoints(objective, feed, options, ...run)
  }

  private get progress(): Progress {
    return this.standing.progress
  }

  /** Null: there is one process. */
  private get ranks(): Ranks | null {
    return this.steps.ranks
  }

  /** Trains until a limit is reached or the run is asked to stop; throws `ERR_ABORTED` if its signal asked. */
  async run(given: RunContext<TrainingEvent>, ranks: Ranks | null): Promise<TrainingResult> {
    this.steps.ranks = ranks
    const context = ranks ? agreed(given, ranks) : given
    const reader = new FeedReader(
      this.feed,
      this.options.perStep,
      this.steps.repeating,
      context as RunContext<never>,
      ranks ?? ALONE,
    )
    try {
      if (ranks) {
        await this.checkpoints.checkAlike(ranks)
        await meet(ranks, this.optimizer, this.options, given.stopping)
      }
      const ended = await this.train(reader, context, given)
      ranks?.part()
      this.averages.adopt()
      const result = settle(ended, this.options.signal)
      await this.watchers.end({ result })
      return result
    } catch (error) {
      await ranks?.fail(error)
      await this.checkpoints.rescue().catch(() => undefined) // the first error says more
      this.averages.adopt()
      await this.watchers.end({ error, checkpoint: this.standing.saved?.path ?? null })
      throw error
    } finally {
      reader.close()
    }
  }

  /** `given` tells whether this rank alone is asked to stop. */
  private async train(
    reader: FeedReader<B>,
    context: RunContext<TrainingEvent>,
    given: RunContext<TrainingEvent>,
  ): Promise<TrainingResult> {
    const { objective, options } = this
    const watchers = (this.ranks?.first ?? true) ? this.watchers : null
    await this.checkpoints.begin()
    objective.module.setRandom(this.steps.random)
    await objective.checkRoom?.((portion) => this.steps.rehearse(portion))
    objective.begin?.()
    watchers?.begin(this.plan(reader))
    const clock = new TrainingClock(this.progress)
    const stopped = () => (context.stopping ? 'aborted' : this.limitReached(reader))
    let loss: number | null = null
    if (this.progress.step === 0) await this.prune()
    if (this.progress.owed) await this.catchUp(context)
    let reason = stopped()
    while (reason === null) {
      const event = await this.step(reader, clock, given)
      if (event === null) {
        reason = stopped()
        continue
      }
      loss = event.loss
      const endOfEpoch = await this.advance(reader)
      if (this.pruner) event.sparsity = await this.prune()
      const due = (every: number | undefined) =>
        every === undefined ? endOfEpoch : this.progress.step % every === 0

      let validation = due(options.evaluateEvery) ? await this.validate(context, true) : null
      reason = stopped()
      if (
        reason !== null &&
        reason !== 'aborted' &&
        this.standing.validated?.step !== this.progress.step
      )
        validation = await this.validate(context, false)
      if (validation !== null) event.validation = validation
      const saves = validation?.best || reason !== null || due(options.checkpointEvery)
      const directory = saves ? options.checkpoint : undefined
      const doubtful = validation !== null && !Number.isFinite(validation.loss)
      const sound = (directory === undefined && !doubtful) || (await this.optimizer.isFinite())
      if (directory !== undefined && sound)
        event.checkpoint = await this.checkpoints.save(directory)
      watchers?.event(event)
      context.emit(event, event.validation !== undefined)
      if (!sound) throw unsound(event)
    }
    await this.checkpoints.rescue() // stopped while it waited for data
    return this.result(reason, loss)
  }

  /** Makes a step. Null where there was none to make: the pass had ended, or the run is asked to stop. */
  private async step(
    reader: FeedReader<B>,
    clock: TrainingClock,
    given: RunContext<TrainingEvent>,
  ): Promise<TrainingEvent | null> {
    const { optimizer, progress, steps, feed, ranks } = this
    clock.start()
    const portions = await reader.take(progress)
    if (portions === null) return null
    if (ranks) {
      // What fails here does so before the others begin to add gradients up.
      if (portions.length > 0) steps.prepare(progress.step + 1, portions)
      await agreeOn(ranks, portions)
    }
    if (portions.length === 0) {
      this.endPass()
      return null
    }
    const step = progress.step + 1
    const stepsPerEpoch = this.stepsPerEpoch(reader)
    const epoch = progress.epoch + progress.index / (stepsPerEpoch ?? Infinity)
    this.fraction = this.limits.fraction(progress, stepsPerEpoch)
    const at = { step, epoch, fraction: this.fraction }
    const learningRate = optimizer.hyperparameters.lr * this.standing.schedule.factor(at)
    optimizer.lr = learningRate
    const running = await steps.run(step, portions)
    const next = reader.ahead()
    if (next !== null && next.length > 0 && this.goesOn(stepsPerEpoch, clock.lastStep))
      this.prepare(step + 1, next)
    const read = portions.reduce((sum, { items }) => sum + items, 0)
    const made = async () => {
      const sums = await running.made
      const own = { sums, items: read, seconds: clock.seconds, stops: given.stopping }
      return ranks ? ranks.exchange('a step', own) : [own]
    }
    const [all, measured] = await this.settled(made, step, learningRate)
    const { loss, gradientNorm, measures, penalties } = measured
    // All go by the first one's clock, and stop when one is asked to.
    clock.stop(
      all.reduce((sum, { items }) => sum + items, 0),
      all[0]?.seconds,
    )
    if (ranks) ranks.stopping ||= all.some(({ stops }) => stops)
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

  /** What a step came to on each rank. Where it has failed, all is as before it when this throws. */
  private async settled(
    made: () => Promise<Made[]>,
    step: number,
    learningRate: number,
  ): Promise<[Made[], Measured]> {
    try {
      const all = await made()
      const sums = all.map((one) => one.sums)
      const measured = measuredOf(sums, this.objective.summary)
      const { loss, gradientNorm, penalties = {} } = measured
      if ([loss, gradientNorm, ...Object.values(penalties)].every(Number.isFinite))
        return [all, measured]
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
    if (this.pruner?.due({ step, fraction: this.fraction })) return false
    if (objective.validate && due(options.evaluateEvery)) return false
    if (options.checkpoint !== undefined && due(options.checkpointEvery)) return false
    const seconds = progress.seconds + 2 * lastStep
    const after = { ...progress, step, index: progress.index + 1, seconds }
    return this.limits.reached(after, stepsPerEpoch) === null
  }

  /** Makes zero what is to be zero after the steps that were made; undefined where nothing is ever. */
  private async prune(): Promise<number | undefined> {
    return this.pruner?.update({ step: this.progress.step, fraction: this.fraction })
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
    this.averages.step(progress.step)
    if (!(await reader.ended())) return false
    if (reader.stepsPerEpoch === null) progress.stepsPerEpoch = progress.index
    this.endPass()
    return true
  }

  private endPass(): void {
    this.averages.pass(++this.progress.epoch)
    this.progress.index = 0
    this.steps.carried.reset()
  }

  private stepsPerEpoch(reader: FeedReader<B>): number | null {
    return reader.stepsPerEpoch ?? this.progress.stepsPerEpoch
  }

  private limitReached(reader: FeedReader<B>): TrainingResult['stopped'] | null {
    return this.limits.reached(this.progress, this.stepsPerEpoch(reader))
  }

  private validate(context: RunContext<TrainingEvent>, regular: boolean) {
    const { objective, standing, averages, ranks } = this
    return validate(objective, standing, averages, context, regular, ranks)
  }

  /** Makes a validation that the run which is resumed was stopped in. */
  private async catchUp(context: RunContext<TrainingEvent>): Promise<void> {
    const { checkpoint } = this.options
    const made = await this.validate(context, true)
    if (made?.best && checkpoint !== undefined) await this.checkpoints.save(checkpoint)
  }

  private plan(reader: FeedReader<B>): RunPlan {
    const { objective, feed, optimizer, standing } = this
    const { changed } = standing
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
      facts: { ...feed.facts, ...objective.facts, ...(this.ranks && { ranks: this.ranks.size }) },
    }
  }

  private result(stopped: TrainingResult['stopped'], loss: number | null): TrainingResult {
    const { step, epoch: epochs, items, seconds, best } = this.progress
    const { unit } = this.feed
    return {
      ...{ stopped, step, epochs, unit, items },
      ...(unit === 'tokens' && { tokens: items }),
      ...{ seconds, loss, validation: this.standing.validated?.loss ?? null, best },
      checkpoint: this.standing.saved?.path ?? null,
    }
  }

  dispose(): void {
    this.steps.dispose()
    this.averages.dispose()
    this.optimizer.dispose()
  }
}
