/** A run's checkpoints: written, and gone on from. The model in one is the average of weights where there is such. */
import { toHost } from '../io/model-files'
import { RandomContext, type HostTensor } from '../nn'
import { schedule as schedules, type Optimizer } from '../optim'
import { info } from '../tensor'
import type { Averages } from './averages'
import { joinCarried } from './carried'
import type { Feed } from './feed'
import type { Objective } from './objective'
import type { Ranks } from './ranks'
import { changesOf, checkAlike, checkIdentity, forgetLosses, settingsOf, stateOf } from './resume'
import type { LoopOptions, Standing } from './standing'
import { loadRun, saveRun, type LoadedRun } from './state'
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

  /** One rank writes, and tells the others. */
  async save(directory: string): Promise<string> {
    const { standing } = this
    const { ranks } = this.steps
    const own = await this.steps.carried.toHost()
    const carried = joinCarried(ranks ? await ranks.exchange('a checkpoint', own) : [own])
    const write = () => this.write(directory, carried)
    const path = await (ranks ? ranks.tell('a checkpoint', write) : write())
    standing.saved = { step: standing.progress.step, path }
    return path
  }

  private async write(
    directory: string,
    carried: ReadonlyMap<string, HostTensor>,
  ): Promise<string> {
    const { objective, steps, identity, averages, standing } = this
    const { progress, schedule } = standing
    const { seed } = steps.random
    const { settings } = this
    const average = averages.toJSON()
    const run = {
      state: { progress, seed, schedule: schedule.toJSON(), identity, settings, average },
      model: () => objective.files(),
      weights: averages.count > 0 ? await toHost(objective.module.stateDict()) : null,
      carried,
    }
    const isBest = progress.best === null || progress.best.step === progress.step
    return averages.within(() => saveRun(directory, this.optimizer, run, isBest))
  }

  /** Keeps what a run has learned that ends amid its steps, unless that is of no use. */
  async rescue(): Promise<void> {
    const { checkpoint } = this.options
    const { progress, saved } = this.standing
    if (checkpoint === undefined || progress.step === 0 || saved?.step === progress.step) return
    if (await this.optimizer.isFinite()) await this.save(checkpoint)
  }

  /** Throws `ERR_ARGUMENT` where ranks do not do the same with the same data. */
  async checkAlike(ranks: Ranks): Promise<void> {
    const { isa, buildId } = info()
    const own = {
      ...{ 'instruction set': isa, build: buildId, ...this.identity, ...this.settings },
      optimizer: stateOf(this.optimizer),
    }
    const [first, ...others] = await ranks.exchange('the beginning', own)
    others.forEach((other, i) =>
      checkAlike(first as Readonly<Record<string, unknown>>, other, i + 1),
    )
  }

  /** Goes on from the latest checkpoint, if there is one; else all ranks begin with the weights and the seed of one. */
  async begin(): Promise<void> {
    const { steps, objective } = this
    const { ranks } = steps
    const directory = this.options.checkpoint as string
    const load = () => (this.options.resume ? loadRun(directory) : Promise.resolve(null))
    const loaded = await (ranks ? ranks.tell('the beginning', load) : load())
    if (loaded !== null) return this.resume(loaded)
    if (ranks === null) return
    const told = await ranks.tell('the first weights', async () => ({
      seed: steps.random.seed,
      weights: await toHost(objective.module.stateDict()),
    }))
    if (!ranks.first) await objective.module.loadInStretches(told.weights)
    this.reseed(told.seed)
  }

  private reseed(seed: number): void {
    this.feed.reseed?.(seed)
    this.objective.reseed?.(seed)
    this.steps.random = new RandomContext({ seed })
  }

  private async resume(loaded: LoadedRun): Promise<void> {
    const { objective, optimizer, steps, averages, standing } = this
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
    this.reseed(state.seed)
    standing.progress = state.progress
    standing.saved = { step: state.progress.step, path }
  }

  private get settings(): Readonly<Record<string, unknown>> {
    const ranks = this.steps.ranks?.size ?? 1
    return settingsOf(this.options, this.optimizer, this.standing.schedule, this.objective, ranks)
  }
}
