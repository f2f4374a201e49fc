import { checkWhole, optionsOf, type Names } from '../check'
import { RnnativeError } from '../errors'
import { freshSeed } from '../tensor/create'
import { streamKey, type NativeRandom } from '../tensor/random'

/** Where a {@link RandomContext} stands; JSON-serialisable. */
export interface RandomState {
  /** What all draws come from. */
  seed: number
  /** Steps made. */
  step: number
  /** Which part of a step's batch, from 0. */
  microBatch: number
  /** Samples of the step before this part. */
  sampleBase: number
}

const NAMES: Names<RandomState> = { seed: true, step: true, microBatch: true, sampleBase: true }
const { seed: _, ...PLACE_NAMES } = NAMES

/** Time windows of one step that may draw masks of their own. */
const MICRO_BATCHES = 1024

/** @internal Steps of the random streams in one step of {@link RandomContext}. */
export const RANDOM_STEPS = MICRO_BATCHES

/**
 * Where modules in training draw their masks from. A mask is a function of (seed, module path, step,
 * micro-batch, global sample index, element): the same for any device, number of threads and split of
 * a batch. The training loop moves {@link step} on and sets {@link sampleBase} to the number of
 * samples that precede this part of the batch; {@link microBatch} counts the windows over the same
 * samples within one step (below 1024).
 */
export class RandomContext {
  /** What all draws come from. */
  readonly seed: number
  private position: [step: number, microBatch: number, sampleBase: number]
  private readonly keys = new Map<string, Uint32Array>()
  private readonly calls = new Map<string, number>()

  constructor(options: Partial<RandomState> = {}) {
    const {
      seed = freshSeed(),
      step = 0,
      microBatch = 0,
      sampleBase = 0,
    } = optionsOf('random', options, NAMES)
    for (const [name, value] of Object.entries({ seed, step, microBatch, sampleBase }))
      checkWhole('random', name, value, 0)
    this.seed = seed
    this.position = [step, microBatch, sampleBase]
  }

  /** Steps made. */
  get step(): number {
    return this.position[0]
  }

  /** Which part of a step's batch, from 0. */
  get microBatch(): number {
    return this.position[1]
  }

  /** Samples of the step before this part. */
  get sampleBase(): number {
    return this.position[2]
  }

  /** Moves on; what is not given becomes 0. */
  set(place: { step: number; microBatch?: number; sampleBase?: number }): void {
    const { step, microBatch = 0, sampleBase = 0 } = optionsOf('random', place, PLACE_NAMES)
    for (const [name, value] of Object.entries({ step, microBatch, sampleBase }))
      checkWhole('random', name, value, 0)
    if (microBatch >= MICRO_BATCHES)
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[random] microBatch: expected less than ${MICRO_BATCHES}, got ${microBatch}`,
      )
    this.position = [step, microBatch, sampleBase]
    this.calls.clear()
  }

  /** A stream for one call; a module that runs again in the same step draws anew. */
  draw(path: string): NativeRandom {
    const call = this.calls.get(path) ?? 0
    this.calls.set(path, call + 1)
    return {
      key: call === 0 ? this.key(path) : streamKey(this.seed, `${path}#${call}`),
      step: this.step * MICRO_BATCHES + this.microBatch,
      sampleBase: this.sampleBase,
    }
  }

  private key(path: string): Uint32Array {
    let key = this.keys.get(path)
    if (key === undefined) this.keys.set(path, (key = streamKey(this.seed, path)))
    return key
  }
}
