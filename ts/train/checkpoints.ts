/** A run's checkpoints: written, and gone on from. The model in one is the average of weights where there is such. */
import { toHost } from '../io/model-files'
import { RandomContext } from '../nn'
import { schedule as schedules, type Optimizer } from '../optim'
import type { Averages } from './averages'
import type { Feed } from './feed'
import type { Objective } from './objective'
import { changesOf, checkIdentity, forgetLosses, settingsOf, stateOf } from './resume'
import type { LoopOptions, Standing } from './standing'
import { loadRun, saveRun } from './state'
import type { Steps } from './step'

export class Checkpoints<B, C extends object> {
  private readonly identity: Readonly<Record<string, unknown>>

  constructor(
    private readonly objective: Objective<B, C>,
    private readonly feed: Feed<B>,
    private readonly options: LoopOptions,
    private readonly optimizer: Optimizer,
    private readonly steps: Steps<B, C>,
    private readonly averages: Averages,
    private readonly standing: Standing,
  ) {
    this.identity = { ...objective.identity, ...feed.identity }
  }

  async save(directory: string): Promise<string> {
    const { objective, steps, identity, averages, standing } = this
    const { progress, schedule } = standing
    const { seed } = steps.random
    const { settings } = this
    const average = averages.toJSON()
    const run = {
      state: { progress, seed, schedule: schedule.toJSON(), identity, settings, average },
      model: () => objective.files(),
      weights: averages.count > 0 ? await toHost(objective.module.stateDict()) : null,
      carried: () => steps.carried.toHost(),
    }
    const isBest = progress.best === null || progress.best.step === progress.step
    const path = await averages.within(() => saveRun(directory, this.optimizer, run, isBest))
    standing.saved = { step: progress.step, path }
    return path
  }

  /** Keeps what a run has learned that ends amid its steps, unless that is of no use. */
  async rescue(): Promise<void> {
    const { checkpoint } = this.options
    const { progress, saved } = this.standing
    if (checkpoint === undefined || progress.step === 0 || saved?.step === progress.step) return
    if (await this.optimizer.isFinite()) await this.save(checkpoint)
  }

  /** Goes on from the latest checkpoint, if there is one. */
  async resume(): Promise<void> {
    const { objective, optimizer, steps, averages, standing } = this
    const loaded = await loadRun(this.options.checkpoint as string)
    if (loaded === null) return
    const { path, state, model, optimizer: moments, carried, weights } = loaded
    checkIdentity(state.identity, this.identity)
    checkIdentity({ optimizer: stateOf(state.optimizer) }, { optimizer: stateOf(optimizer) })
    await objective.module.loadInStretches(model)
    averages.restore(state.average)
    if (weights) await objective.module.loadInStretches(weights)
    await optimizer.loadInStretches({ tensors: moments, meta: state.optimizer })
    steps.carried.restore(carried)
    standing.changed = changesOf(state.settings, this.settings)
    if (standing.changed.some(({ name }) => name === 'validation')) {
      forgetLosses(state)
      averages.forgetLosses()
    }
    const { name, options } = standing.schedule.toJSON()
    const same = [state.schedule.name, state.schedule.options]
    if (JSON.stringify([name, options]) === JSON.stringify(same))
      standing.schedule = schedules.create(state.schedule)
    this.feed.reseed?.(state.seed)
    objective.reseed?.(state.seed)
    steps.random = new RandomContext({ seed: state.seed })
    standing.progress = state.progress
    standing.saved = { step: state.progress.step, path }
  }

  private get settings(): Readonly<Record<string, unknown>> {
    return settingsOf(this.options, this.optimizer, this.standing.schedule, this.objective)
  }
}
