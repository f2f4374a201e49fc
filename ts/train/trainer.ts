import { join } from 'node:path'
import { checkChoice, checkFlag, checkFunction, checkGoing, checkPath, checkSignal } from '../check'
import { checkWhole, isObject, optionsOf, type Names } from '../check'
import { digestOfJson } from '../digest'
import { expect, RnnativeError } from '../errors'
import { findCheckpoint, type Pointer } from '../io/checkpoint'
import { MODEL_FILE } from '../io/model-files'
import { readSafetensors } from '../io/safetensors'
import { Module } from '../nn'
import type { DeviceName, Tensor } from '../tensor'
import * as ops from '../ops'
import type { AbortSignalLike } from '../signal'
import { freshSeed } from '../tensor/create'
import { evaluate } from './evaluate'
import type { Feed, Share } from './feed'
import { Fits } from './fits'
import { TrainingLoop } from './loop'
import { sendInputs } from './objective'
import { ModuleObjective, type ModuleTask } from './module-objective'
import { checkFitNames } from './options'
import type { TrainingEvent, TrainingOptions, TrainingResult } from './options'
import type { Run } from './run'
import { checkTotals } from './task-results'
import { figures, means, type Totals } from './totals'

export interface TrainerOptions<B, O, C extends object> extends ModuleTask<B, O, C> {
  /** Where batches come from, such as `data.batches(examples)`. */
  feed: Feed<B>
  /**
   * What progress is measured by: a feed whose first pass is not learned from, or a function that gives sums
   * and counts, that of the loss under `loss`, of the share of the data that is this process's where several train
   * together, whose sums are added up. Null, the default: nothing is.
   */
  validate?: Feed<B> | ((share: Share) => Totals | Promise<Totals>) | null | undefined
  /** Of dropout. Default: a new one each time. */
  seed?: number | undefined
}

export interface TrainerFitOptions extends TrainingOptions {
  /** Batches whose gradients make up a step. Default 1. */
  accumulate?: number | undefined
}

const NAMES: Names<TrainerOptions<unknown, unknown, object>> = {
  ...{ module: true, feed: true, validate: true, seed: true, loss: true, measures: true },
  ...{ summary: true, carried: true, files: true, graphs: true },
}

/**
 * Trains a module of your own as the models here are trained: accumulation, clipping, schedules, early
 * stopping, checkpoints that a run continues from bit for bit, watchers, and steps as CUDA graphs.
 *
 * ```ts
 * const trainer = new Trainer({
 *   module: tagger,
 *   feed: data.batches(examples, { tokens: 4096, pad: { tags: -100 } }),
 *   loss: ({ words, tags, lengths }) => {
 *     const output = tagger.forward(words, lengths)
 *     const { losses, weights } = ops.crossEntropyLosses(output, tags)
 *     return { sum: ops.sum(losses), count: ops.sum(weights), output }
 *   },
 * })
 * await trainer.fit({ epochs: 10, optimizer: optim.adam(), checkpoint: 'runs/tagger', resume: true })
 * ```
 */
export class Trainer<B, O = unknown, C extends object = never> {
  /** What learns. */
  readonly module: Module
  private readonly fits = new Fits()
  private readonly options: TrainerOptions<B, O, C>

  /** Throws `ERR_ARGUMENT` for options that make no sense. */
  constructor(options: TrainerOptions<B, O, C>) {
    const op = 'trainer'
    const { module, feed, validate, loss, seed } = optionsOf(op, options, NAMES)
    expect(op, 'module', module instanceof Module, 'an nn.Module', module)
    expect(op, 'feed', isFeed(feed), 'a feed, such as data.batches gives', feed)
    expect(op, 'loss', typeof loss === 'function', 'a function of a batch', loss)
    const measured = (validate ?? null) === null || typeof validate === 'function'
    expect(op, 'validate', measured || isFeed(validate), 'a feed or a function', validate)
    if (seed !== undefined) checkWhole(op, 'seed', seed, 0)
    for (const name of ['measures', 'summary', 'carried'] as const)
      if (options[name] !== undefined) checkFunction(op, name, options[name])
    if (options.graphs !== undefined) checkFlag(op, 'graphs', options.graphs)
    const { files = {} } = options
    expect(op, 'files', isObject(files), 'an object of JSON by name', files)
    this.module = module
    this.options = options
  }

  /**
   * Trains, starting at once. Await the run for its result or iterate over its events. Rejects as
   * `LanguageModel.fit` does; `clipNorm` is 1 unless given. The module is in evaluation when it ends.
   */
  fit(options: TrainerFitOptions = {}): Run<TrainingEvent, TrainingResult> {
    const { feed, seed = freshSeed() } = this.options
    return this.fits.begin(feed.unit, options, () => {
      checkFitNames(options, { accumulate: true })
      const { accumulate: perStep = 1, clipNorm = 1 } = options
      checkWhole('fit', 'accumulate', perStep, 1)
      const objective = this.objective({ accumulate: perStep })
      const loop = new TrainingLoop(objective, feed, { ...options, clipNorm, seed, perStep })
      return {
        run: (context, ranks) => loop.run(context, ranks),
        dispose: () => {
          loop.dispose()
          this.module.eval()
        },
      }
    })
  }

  /** The mean loss and all measures over a feed's first pass. `ERR_EMPTY` for one without a batch. */
  async evaluate(
    feed: Feed<B>,
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<{ loss: number; [measure: string]: number }> {
    const { signal } = optionsOf('evaluate', options, { signal: true })
    expect('evaluate', 'feed', isFeed(feed), 'a feed, such as data.batches gives', feed)
    checkSignal('evaluate', signal)
    const objective = this.objective({})
    const totals = await evaluate(objective, feed, this.device, () =>
      checkGoing('evaluate', signal),
    )
    if (totals['loss'] === undefined)
      throw new RnnativeError('ERR_EMPTY', '[evaluate] feed: expected at least one batch, got none')
    return { ...figures(totals, objective.summary), loss: means(totals)['loss'] as number }
  }

  /** Takes the weights of a run's best checkpoint, or its latest. `ERR_IO` where there is none. */
  async load(directory: string, which: Pointer = 'best'): Promise<void> {
    checkPath('load', 'directory', directory)
    checkChoice('load', 'which', which, ['best', 'latest'])
    const path = await findCheckpoint(directory, which)
    if (path === null)
      throw new RnnativeError('ERR_IO', `[load] ${directory}: holds no complete checkpoint`)
    await this.module.loadInStretches((await readSafetensors(join(path, MODEL_FILE))).tensors)
  }

  /** @internal The mean loss of a feed's first batch, for `report.gradientFlow`. `ERR_EMPTY`. */
  async lossOf(feed: Feed<B>): Promise<{ module: Module; loss: () => Tensor }> {
    expect('gradientFlow', 'feed', isFeed(feed), 'a feed, such as data.batches gives', feed)
    const objective = this.objective({})
    for await (const { batch, rows } of feed.pass(0, 0)) {
      const loss = () => {
        const inputs = sendInputs(objective.inputs(batch), this.device)
        const carried = objective.zeros?.(rows) ?? null
        const { sum, count } = objective.loss(inputs, batch, { step: 0, carried })
        return ops.div(sum, count)
      }
      return { module: this.module, loss }
    }
    throw new RnnativeError(
      'ERR_EMPTY',
      '[gradientFlow] feed: expected at least one batch, got none',
    )
  }

  private get device(): DeviceName {
    return this.module.parameters()[0]?.device ?? 'cpu'
  }

  private objective(identity: Readonly<Record<string, unknown>>): ModuleObjective<B, O, C> {
    const { validate = null, files } = this.options
    const measured = async (checkGoing: () => void, share: Share) =>
      typeof validate === 'function'
        ? validated(await validate(share))
        : evaluate(objective, validate as Feed<B>, this.device, checkGoing, share)
    const objective: ModuleObjective<B, O, C> = new ModuleObjective(this.options, {
      identity: { model: 'Trainer', ...identity, ...digestsOf(files) },
      validate: validate === null ? undefined : measured,
      validation: typeof validate === 'function' ? 'a function' : (validate?.identity ?? null),
    })
    return objective
  }
}

/** Files that belong to a model, such as its vocabulary, say what its ids mean. */
const digestsOf = (files: Readonly<Record<string, unknown>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, content]) => [name, digestOfJson(content)]))

function validated(totals: Totals): Totals {
  checkTotals(totals)
  return totals
}

const isFeed = (feed: unknown): boolean =>
  typeof feed === 'object' && typeof (feed as Partial<Feed<unknown>> | null)?.pass === 'function'
