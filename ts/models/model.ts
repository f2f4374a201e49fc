import { checkGoing, checkPath, checkSignal, checkStrings, optionsOf } from '../check'
import { RnnativeError } from '../errors'
import type { CheckpointFiles } from '../io/checkpoint'
import { CONFIG_FILE, readModel, writeModelDirectory } from '../io/model-directory'
import { MODEL_FILE } from '../io/model-files'
import { SafetensorsFile } from '../io/safetensors'
import type { Module } from '../nn'
import { checkingAlike, matchNames } from '../nn/state'
import { inStretches, Pauses } from '../pauses'
import { checkStored, type StoredPrecision } from '../precision'
import { withoutValues } from '../tensor/parameter'
import { assigning } from '../tensor/write'
import type { Run, RunContext, TokenEvent, TokenResult } from '../train'
import type { TrainingEvent, TrainingOptions, TrainingResult } from '../train'
import type { AbortSignalLike } from '../signal'
import { Fits, type Fit } from '../train/fits'

/** Options of a model's `save`. */
export interface SaveOptions {
  /**
   * What weights are written in. 'bf16' takes half of the bytes, 'int8', of which matrices are, a quarter; either rounds
   * them. Loaded, they are f32 in any. Default 'f32': as they are.
   */
  precision?: StoredPrecision | undefined
}

/** What all models have in common: one fit at a time, saving, and an end. */
export abstract class Model {
  /** The network: parameters by name, for those who want them. */
  abstract readonly network: Module
  private readonly fits = new Fits()
  private disposed = false

  /** How many numbers are learned. */
  get parameterCount(): number {
    return this.network.parameterCount
  }

  /** The files that make up the model. */
  protected abstract files(): Promise<CheckpointFiles>

  /**
   * Writes the model into a directory: weights, `config.json` and its tokenizers. It replaces a saved model, at
   * once: who loads from there, also after a crash, gets the old one or the new. Other files there stay, and so
   * do the checkpoints of a run. Throws `ERR_ARGUMENT` for a directory that is neither empty nor has a saved
   * model or a run in it, `ERR_BUSY` while another process saves there, `ERR_IO`.
   */
  async save(directory: string, options: SaveOptions = {}): Promise<void> {
    this.checkUsable('save')
    checkPath('save', 'directory', directory)
    const { precision = 'f32' } = optionsOf('save', options, { precision: true })
    checkStored('save', precision)
    await writeModelDirectory(directory, { ...(await this.files()), precision })
  }

  /**
   * Begins a fit, unless one is running, that learns from items of this unit. `make` gives none where the
   * run was asked to stop before its data was read.
   */
  protected begin(
    unit: 'tokens',
    options: TrainingOptions,
    make: (context: RunContext<TrainingEvent>) => Fit | Promise<Fit | null>,
  ): Run<TokenEvent, TokenResult>
  protected begin(
    unit: string,
    options: TrainingOptions,
    make: (context: RunContext<TrainingEvent>) => Fit | Promise<Fit | null>,
  ): Run<TrainingEvent, TrainingResult>
  protected begin(
    unit: string,
    options: TrainingOptions,
    make: (context: RunContext<TrainingEvent>) => Fit | Promise<Fit | null>,
  ): Run<TrainingEvent, TrainingResult> {
    return this.fits.begin(unit, options, (context) => {
      this.checkUsable('fit')
      return make(context)
    })
  }

  /** Stops a running fit and frees the weights. */
  async dispose(): Promise<void> {
    if (this.disposed) return
    this.disposed = true
    await this.fits.stop()
    this.network.dispose()
  }

  /** As {@link dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  /** `ERR_DISPOSED` once it is disposed of; `method` names who asks. */
  protected checkUsable(method: string): void {
    if (this.disposed)
      throw new RnnativeError('ERR_DISPOSED', `[${method}] the model has been disposed`)
  }

  /** Between two awaits of a long call. */
  protected checkGoing(method: string, signal: AbortSignalLike | undefined): void {
    this.checkUsable(method)
    checkSignal(method, signal)
    checkGoing(method, signal)
  }
}

/** What `load` makes of the files of a directory that {@link Model.save} wrote, given their paths. */
export const loadModel = <M extends Model>(
  directory: string,
  load: (file: (name: string) => string) => Promise<M>,
): Promise<M> => readModel(directory, load, (model) => model.dispose())

/** Tied weights are made of their own and let go: more tensors than there are in a file, at most by these. */
const TIED = 2

/**
 * A new model with weights of a file. What `make` makes of `config.json` is held against its header before anything
 * of its size is allocated, and nothing is drawn at random.
 */
export async function loadWeights<M extends Model>(
  file: (name: string) => string,
  make: () => M,
): Promise<M> {
  const weights = await SafetensorsFile.open(file(MODEL_FILE))
  try {
    const model = withoutValues(weights.shapes.size + TIED, () => outlined(file(CONFIG_FILE), make))
    try {
      await fill(model.network, weights)
    } catch (error) {
      await model.dispose()
      throw named(file(MODEL_FILE), error)
    }
    return model
  } finally {
    await weights.close()
  }
}

/** What options that a file has may fail with. */
const OF_FILES = ['ERR_ARGUMENT', 'ERR_FORMAT', 'ERR_SHAPE', 'ERR_OUT_OF_MEMORY']

/** Weights that are not as `config.json` has them, with their file. */
function named(path: string, error: unknown): unknown {
  const own = error instanceof RnnativeError && error.code === 'ERR_FORMAT'
  if (!own || error.message.includes(path)) return error
  const problem = error.message.replace(/^\[\w+\] /, '')
  return new RnnativeError(
    'ERR_FORMAT',
    `[load] ${path}: other weights than ${CONFIG_FILE} asks for: ${problem}`,
    { cause: error },
  )
}

/** What has too many tensors, or too large ones to be thought of, is the file's fault. */
function outlined<M>(path: string, make: () => M): M {
  try {
    return make()
  } catch (error) {
    const own = error instanceof RnnativeError
    if (own && !OF_FILES.includes(error.code)) throw error
    // The caller's, not the file's.
    if (own && /\] (device|precision):/.test(error.message)) throw error
    const { message } = error as Error
    throw new RnnativeError('ERR_FORMAT', `[load] ${path}: ${message}`, { cause: error })
  }
}

async function fill(network: Module, file: SafetensorsFile): Promise<void> {
  const { found } = matchNames([...network.allNames()], file.shapes, true)
  const pauses = new Pauses()
  for (const [parameter, [first, ...others]] of found) {
    const value = await file.read(first)
    for (const other of others)
      await inStretches(checkingAlike([first, value], [other, await file.read(other)]), pauses)
    await inStretches(assigning(parameter, value), pauses)
  }
}

/** Throws `ERR_ARGUMENT` unless these are texts. */
export function checkTexts(op: string, texts: readonly string[]): void {
  checkStrings(op, 'texts', texts)
}
