import { join } from 'node:path'
import { checkSignal, expect, RnnativeError } from '../errors'
import { writeModelDirectory, type CheckpointFiles } from '../io/checkpoint'
import { MODEL_FILE } from '../io/model-files'
import { readSafetensors } from '../io/safetensors'
import type { Module } from '../nn'
import { Run, type TokenEvent, type TokenResult } from '../train'
import type { TrainingEvent, TrainingOptions, TrainingResult } from '../train'
import type { RunContext } from '../train/run'
import { settle, type Trainer } from '../train/trainer'

/** Of a run that ended before it began. */
const NOTHING: Omit<TrainingResult, 'unit'> = {
  ...{ stopped: 'aborted', step: 0, epochs: 0, items: 0, seconds: 0 },
  ...{ loss: null, validation: null, best: null, checkpoint: null },
}

/** What all models have in common: one fit at a time, saving, and an end. */
export abstract class Model {
  /** The network: parameters by name, for those who want them. */
  abstract readonly network: Module
  private running: Run<TrainingEvent, TrainingResult> | null = null
  private fitting = false
  private disposed = false

  get parameterCount(): number {
    return this.network.parameterCount
  }

  /** The files that make up the model. */
  protected abstract files(): Promise<CheckpointFiles>

  /** Writes the model into a directory of its own: weights, `config.json` and its tokenizers. */
  async save(directory: string): Promise<void> {
    this.checkUsable('save')
    await writeModelDirectory(directory, await this.files())
  }

  /**
   * Begins a fit, unless one is running, that learns from items of this unit. `options` tell the trainer's
   * limits and the signal. There is no trainer where the run was asked to stop before its data was read.
   */
  protected begin(
    unit: 'tokens',
    options: TrainingOptions,
    makeTrainer: (context: RunContext<TrainingEvent>) => Trainer | Promise<Trainer | null>,
  ): Run<TokenEvent, TokenResult>
  protected begin(
    unit: string,
    options: TrainingOptions,
    makeTrainer: (context: RunContext<TrainingEvent>) => Trainer | Promise<Trainer | null>,
  ): Run<TrainingEvent, TrainingResult> {
    const signal = options.signal instanceof AbortSignal ? options.signal : undefined
    const busy = this.fitting
    const run: Run<TrainingEvent, TrainingResult> = new Run(async (context) => {
      this.checkUsable('fit')
      if (busy)
        throw new RnnativeError(
          'ERR_BUSY',
          '[fit] another fit of this model is running; await or abort it',
        )
      this.fitting = true
      try {
        const trainer = await makeTrainer(context)
        try {
          if (trainer) return await trainer.run(context)
          return settle({ ...NOTHING, unit, ...(unit === 'tokens' ? { tokens: 0 } : {}) }, signal)
        } finally {
          trainer?.dispose()
        }
      } finally {
        this.fitting = false
      }
    }, signal)
    if (!busy) this.running = run
    return run
  }

  /** Stops a running fit and frees the weights. */
  async dispose(): Promise<void> {
    if (this.disposed) return
    this.disposed = true
    const { running } = this
    running?.abort()
    await running?.catch(() => undefined)
    this.network.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  protected checkUsable(method: string): void {
    if (this.disposed)
      throw new RnnativeError('ERR_DISPOSED', `[${method}] the model has been disposed`)
  }

  /** Between two awaits of a long call. */
  protected checkGoing(method: string, signal: AbortSignal | undefined): void {
    this.checkUsable(method)
    checkSignal(method, signal)
    if (signal?.aborted)
      throw new RnnativeError('ERR_ABORTED', `[${method}] aborted`, { cause: signal.reason })
  }
}

/** A new model with the weights of a directory that {@link Model.save} wrote. */
export async function loadWeights<M extends Model>(directory: string, make: () => M): Promise<M> {
  const { tensors } = await readSafetensors(join(directory, MODEL_FILE))
  const model = make()
  try {
    model.network.loadStateDict(tensors)
  } catch (error) {
    await model.dispose()
    throw error
  }
  return model
}

/** Throws `ERR_ARGUMENT` unless these are texts. */
export function checkTexts(op: string, texts: readonly string[]): void {
  const strings = Array.isArray(texts) && texts.every((text) => typeof text === 'string')
  expect(op, 'texts', strings, 'a list of strings', texts)
}
