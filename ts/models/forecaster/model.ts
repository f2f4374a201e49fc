import { checkChoice, checkPath, checkWhole, optionsOf, type Names } from '../../check'
import { frequencyText, lastOrigins, splitByTime, usualSeason } from '../../data/series'
import type { Origin, SeriesRows, SeriesSet } from '../../data/series'
import { digestOfJson } from '../../digest'
import { expect, RnnativeError } from '../../errors'
import type { CheckpointFiles } from '../../io/checkpoint'
import { readJson } from '../../io/files'
import { CONFIG_FILE } from '../../io/model-directory'
import { MODEL_FILE, toHost } from '../../io/model-files'
import { adam } from '../../optim'
import { inStretches } from '../../pauses'
import type { AbortSignalLike } from '../../signal'
import { freshSeed } from '../../seed'
import { chooseDevice, type DeviceOption } from '../../tensor/device'
import type { Run, RunContext, TrainingEvent, TrainingOptions, TrainingResult } from '../../train'
import type { Fit } from '../../train/fits'
import { TrainingLoop } from '../../train/loop'
import { checkFitNames } from '../../train/options'
import { untilStopped } from '../../train/run'
import { identityOf } from '../parts/identity'
import { loadModel, loadWeights, Model } from '../model'
import { parseFitted, FITTED_FILE } from './fitted'
import { forecastAll, windowsAtOnce, type ForecastPlan, type TargetForecast } from './forecast'
import { frameOptions, makeFrames, type Frame } from './frames'
import { ForecasterNetwork } from './network'
import { forecasterFitOptions, forecasterOptions, isLevel, levels } from './options'
import type { ForecasterLearningOptions, ForecasterNetworkOptions, ForecasterRows } from './options'
import { learnedEnds, originsOf, rangeOf, usualPart } from './parts'
import { PARTS, type Part } from './parts-names'
import { checkRows, forecastFrom, observedEnd, readRows } from './rows'
import { fitScales, type Fitted } from './scales'
import { scoreOrigins, type ForecasterScore } from './score'
import { shown, type SeriesForecast } from './shown'
import { digestOfFrames, ForecasterTask, WindowFeed } from './task'
import { layoutOptions } from './windows'

type Needed = 'targets' | 'time' | 'context' | 'horizon'
type Some<T, K extends keyof T> = { [N in K]-?: Exclude<T[N], undefined> }

/** What a {@link Forecaster} is made of. */
export interface ForecasterOptions
  extends Omit<ForecasterRows, Needed>, Some<ForecasterRows, Needed> {
  /** Where it computes. Default: {@link defaultDevice}. */
  device?: DeviceOption | undefined
}

export interface ForecasterFitOptions extends TrainingOptions, ForecasterLearningOptions {}

/** How forecasts are made. */
export interface ForecastingOptions {
  /**
   * Levels of quantiles, the smaller first: of `deepar` any, of the loss `quantile` from the least that was learned to
   * the largest. Default: none.
   */
  quantiles?: readonly number[] | undefined
  /** Paths that `deepar` draws; others draw none, and refuse it. Default 100. */
  samples?: number | undefined
  /** Of those paths: of `deepar` alone, too. Default: a new one each time. */
  seed?: number | undefined
  /** Ends the work once it is aborted. */
  signal?: AbortSignalLike | undefined
}

export interface ForecastPredictOptions extends ForecastingOptions {
  /** Whether the paths themselves are given, too. Default false. */
  paths?: boolean | undefined
  /** Steps before the forecast that are given with it. Default 0. */
  history?: number | undefined
}

export interface ForecasterEvaluateOptions extends ForecastingOptions {
  /** Where targets are: that of the test unless there is none. */
  part?: Part | undefined
  /** Steps between windows. Default 1, with `windows` the horizon. */
  stride?: number | undefined
  /** Back-testing: the last so many windows of each series, whatever was learned of them. */
  windows?: number | undefined
}

const FORECASTING: Names<ForecastingOptions> = {
  ...{ quantiles: true, samples: true, seed: true, signal: true },
}
const PREDICT: Names<ForecastPredictOptions> = { ...FORECASTING, paths: true, history: true }
const EVALUATE: Names<ForecasterEvaluateOptions> = {
  ...{ ...FORECASTING, part: true, stride: true, windows: true },
}

/**
 * Tells what comes next in time series. `direct`: a recurrence reads the context, and its last state is made into all
 * steps at once. `seq2seq`: a decoder with attention writes them. `deepar`: a chain of distributions, each step told
 * what was drawn before it (Salinas et al. 2020). `segments`: each series for itself, segments embedded, read by one
 * recurrence and decoded in parallel (SegRNN, Lin et al. 2023).
 *
 * ```ts
 * await using f = new Forecaster({ time: 'date', targets: ['price'], context: 336, horizon: 96 })
 * await f.fit(rows, { validation: 0.2, test: 0.2, epochs: 5 })
 * const { mae, naive } = await f.evaluate(rows)
 * const [{ times, values }] = await f.predict(rows)
 * ```
 *
 * Data is rows of a table, objects by column. Scales are fitted on what is learned alone.
 */
export class Forecaster extends Model {
  /** All options, every choice made. */
  readonly options: Readonly<ForecasterNetworkOptions>
  /** Of weights, dropout and order: given, or drawn. */
  readonly seed: number
  readonly network: ForecasterNetwork
  private fitted: Fitted | null = null

  /** Throws `ERR_ARGUMENT` for options that make no sense, or `ERR_DEVICE`. */
  constructor(options: ForecasterOptions) {
    super()
    const { seed, ...network } = forecasterOptions.resolve(options, ['device'])
    this.options = Object.freeze(network)
    this.seed = seed
    const { device } = chooseDevice(options.device ?? 'cpu')
    this.network = new ForecasterNetwork(this.options, { seed, device })
  }

  /**
   * Learns from rows, starting at once; the last shares of time are left for validation and test. Await the run for
   * its result or iterate over its events. Rejects with `ERR_BUSY` while another fit runs, `ERR_FORMAT` telling the
   * line of what is wrong in the data, `ERR_EMPTY` where no series has a window, `ERR_NONFINITE` and `ERR_ABORTED` as
   * other models do.
   */
  fit(rows: SeriesRows, options: ForecasterFitOptions = {}): Run<TrainingEvent, TrainingResult> {
    return this.begin('windows', options, (context) => this.makeFit(rows, options, context))
  }

  private async makeFit(
    rows: SeriesRows,
    options: ForecasterFitOptions,
    context: RunContext<TrainingEvent>,
  ): Promise<Fit | null> {
    checkFitNames(options, forecasterFitOptions.rows)
    const { validation, test, stride, validationStride, batch, accumulate } =
      forecasterFitOptions.resolve(options, null)
    checkRows('fit', rows)
    const set = await readRows(this.options, untilStopped(rows, context)).catch(
      (error: unknown) => {
        if (context.stopping) return null
        throw error
      },
    )
    if (set === null || context.stopping) return null
    const splits = splitByTime(set, { validation, test })
    const ends = learnedEnds(set, splits)
    const season = this.options.season ?? usualSeason(set.frequency)
    const { scaling, targets } = this.options
    const sizes = { targets: targets.length, bySeries: scaling === 'series', season, ends }
    const fitted: Fitted = {
      ...(await inStretches(fitScales(set.all, sizes))),
      ...{ frequency: frequencyText(set.frequency), season, splits },
    }
    const frames = await makeFrames(set, fitted, frameOptions(this.options))
    const layout = layoutOptions(this.options, season)
    const feedOf = (origins: Origin[], until: readonly number[], part: 'data' | 'validation') =>
      new WindowFeed(frames, origins, layout, part, {
        ...{ batch, seed: this.seed, data: digestOfFrames(frames, until) },
      })
    const learned = originsOf(frames, (i) => [0, ends[i] as number], layout, stride)
    const feed = feedOf(learned, ends, 'data')
    const held = rangeOf(frames, splits, 'validation')
    const heldOrigins = validation > 0 ? originsOf(frames, held, layout, validationStride) : []
    const heldFeed =
      validation > 0
        ? feedOf(
            heldOrigins,
            frames.map((_, i) => held(i)[1]),
            'validation',
          )
        : null
    const task = new ForecasterTask(this.network, {
      options: this.options,
      identity: {
        ...identityOf(forecasterOptions.rows, this.options),
        // What is learned is scaled: other numbers may be the same then.
        ...{ stride, scales: digestOfJson([fitted.scales, fitted.others]) },
      },
      held: heldFeed,
      validation: heldFeed && { ...heldFeed.identity, stride: validationStride },
      begin: () => (this.fitted = fitted),
      files: () => this.files(),
    })
    const { clipNorm = 1, optimizer = adam({ lr: 1e-3 }) } = options
    const settings = { ...options, clipNorm, optimizer, seed: this.seed, perStep: accumulate }
    return new TrainingLoop(task, feed, settings)
  }

  /** Forecasts windows whose future is known, and compares; beside what takes nothing learned. `ERR_EMPTY`. */
  async evaluate(
    rows: SeriesRows,
    options: ForecasterEvaluateOptions = {},
  ): Promise<ForecasterScore> {
    const fitted = this.checkFitted('evaluate')
    const {
      part = usualPart(fitted.splits),
      windows,
      stride,
    } = optionsOf('evaluate', options, EVALUATE)
    checkChoice('evaluate', 'part', part, PARTS)
    if (windows !== undefined) {
      checkWhole('evaluate', 'windows', windows, 1)
      expect('evaluate', 'part', options.part === undefined, 'none with windows', options.part)
    }
    if (stride !== undefined) checkWhole('evaluate', 'stride', stride, 1)
    const plan = this.plan('evaluate', fitted, options)
    checkRows('evaluate', rows)
    const frames = await this.frames(await readRows(this.options, rows), fitted)
    const { layout } = plan
    const origins =
      windows === undefined
        ? originsOf(frames, rangeOf(frames, fitted.splits, part), layout, stride ?? 1)
        : frames.flatMap(({ series }, i) =>
            lastOrigins(i, observedEnd(series, layout), windows, {
              ...layout,
              stride: stride ?? layout.horizon,
            }),
          )
    if (origins.length === 0)
      throw new RnnativeError(
        'ERR_EMPTY',
        `[evaluate] data: expected a window of ${layout.context} and ${layout.horizon} steps whose ` +
          `targets are in the part ${part}, got none`,
      )
    return scoreOrigins(this.network, frames, origins, fitted.season, plan)
  }

  /**
   * What comes right after the last observation of each series. With columns that are `known` ahead the rows go on
   * past it, for as many steps as are forecast.
   */
  async predict(rows: SeriesRows, options: ForecastPredictOptions = {}): Promise<SeriesForecast[]> {
    const [only] = await this.predictEach([rows], options)
    return only as SeriesForecast[]
  }

  /**
   * @internal The same of several lists of rows, which may name their series alike: each list gets what it would get
   * alone, also where it is drawn.
   */
  async predictEach(
    lists: readonly SeriesRows[],
    options: ForecastPredictOptions = {},
  ): Promise<SeriesForecast[][]> {
    const fitted = this.checkFitted('predict')
    const { paths = false, history = 0 } = optionsOf('predict', options, PREDICT)
    checkWhole('predict', 'history', history, 0)
    expect('predict', 'paths', typeof paths === 'boolean', 'true or false', paths)
    const drawing = !paths || this.options.model === 'deepar'
    expect('predict', 'paths', drawing, `none of ${this.options.model}, which draws none`, paths)
    const plan = this.plan('predict', fitted, options)
    const frames: Frame[] = []
    /** Of each series: which list it is of, and its number there. */
    const places: { list: number; number: number }[] = []
    for (const [list, rows] of lists.entries()) {
      checkRows('predict', rows)
      const own = await this.frames(await readRows(this.options, rows), fitted)
      for (const [number, frame] of own.entries()) {
        frames.push(frame)
        places.push({ list, number })
      }
    }
    const origins = frames.map(({ series: of }, series) => ({
      ...{ series, step: forecastFrom(this.options, of, plan.layout) },
    }))
    const atOnce = windowsAtOnce(plan)
    const found = lists.map((): SeriesForecast[] => [])
    for (let begin = 0; begin < origins.length; begin += atOnce) {
      const some = origins.slice(begin, begin + atOnce)
      const of = places.slice(begin, begin + atOnce)
      const numbers = of.map(({ number }) => number)
      const made = await forecastAll(this.network, frames, some, numbers, plan)
      some.forEach(({ series, step }, i) => {
        const { series: one } = frames[series] as Frame
        const targets = made[i] as TargetForecast[]
        const told = shown(this.options, one, step, targets, { plan, paths, history })
        found[of[i]?.list ?? 0]?.push(told)
      })
    }
    return found
  }

  private plan(op: string, fitted: Fitted, given: ForecastingOptions): ForecastPlan {
    const { options } = this
    const { quantiles = [], samples = 100, seed = freshSeed(), signal } = given
    for (const name of ['samples', 'seed'] as const) {
      const drawing = given[name] === undefined || options.model === 'deepar'
      expect(op, name, drawing, `none of ${options.model}, which draws none`, given[name])
    }
    checkWhole(op, 'samples', samples, 1)
    checkWhole(op, 'seed', seed, 0)
    const valid = Array.isArray(quantiles) && (quantiles.length === 0 || levels.valid(quantiles))
    expect(op, 'quantiles', valid && quantiles.every(isLevel), levels.expected, quantiles)
    if (quantiles.length > 0 && options.model !== 'deepar') {
      const learned = options.loss === 'quantile' ? options.quantiles : []
      const [low, high] = [learned[0] ?? 1, learned.at(-1) ?? 0]
      const within = quantiles.every((level) => level >= low && level <= high)
      const expected =
        learned.length > 0
          ? `levels from ${low} to ${high}, as learned`
          : 'none without the loss quantile'
      expect(op, 'quantiles', within, expected, quantiles)
    }
    const checkGoing = () => this.checkGoing(op, signal)
    checkGoing()
    const layout = layoutOptions(options, fitted.season)
    return { options, layout, levels: quantiles, paths: samples, seed, checkGoing }
  }

  private checkFitted(op: string): Fitted {
    this.checkUsable(op)
    if (this.fitted === null)
      throw new RnnativeError('ERR_UNINITIALIZED', `[${op}] the model has not been fitted`)
    return this.fitted
  }

  /** `ERR_FORMAT` where the data is of another frequency than what was learned. */
  private frames(set: SeriesSet, fitted: Fitted): Promise<Frame[]> {
    const frequency = frequencyText(set.frequency)
    if (frequency !== fitted.frequency)
      throw new RnnativeError(
        'ERR_FORMAT',
        `[series] frequency: expected ${fitted.frequency}, as learned, got ${frequency}`,
      )
    return makeFrames(set, fitted, frameOptions(this.options))
  }

  protected async files(): Promise<CheckpointFiles> {
    const weights = await toHost(this.network.stateDict())
    const config = forecasterOptions.toJSON({ ...this.options, seed: this.seed })
    return {
      json: { [CONFIG_FILE]: config, [FITTED_FILE]: this.fitted },
      tensors: { [MODEL_FILE]: weights },
    }
  }

  /** Loads what {@link save} wrote, or the best checkpoint of a run. `ERR_IO`, `ERR_FORMAT`. */
  static async load(
    directory: string,
    options: Pick<ForecasterOptions, 'device' | 'precision'> = {},
  ): Promise<Forecaster> {
    const { device, precision } = optionsOf('load', options, { device: true, precision: true })
    checkPath('load', 'directory', directory)
    return loadModel(directory, async (file) => {
      const path = file(CONFIG_FILE)
      const config = forecasterOptions.parse(await readJson(path), path)
      const given = { ...config, device, precision: precision ?? config.precision }
      const { targets, covariates, known } = config
      const columns = targets.length + covariates.length + known.length
      const fitted = await parseFitted(file(FITTED_FILE), { columns, targets: targets.length })
      const model = await loadWeights(file, () => new Forecaster(given))
      model.fitted = fitted
      return model
    })
  }
}
