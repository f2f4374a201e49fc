import { createHash } from 'node:crypto'
import { expect, RnnativeError } from '../errors'
import { isSource, isPromise } from '../kinds'
import { checkFinite, checkFunction, checkWhole, isObject, optionsOf, whole } from '../check'
import type { Names } from '../check'
import { randomUniforms, streamKey } from '../tensor/random'
import { arrange, numbersFor } from './arrange'
import { collateAt, lengthOf, MOST_STEPS, type Collated } from './collate'
import { ALONE, shared, type Feed, type Portion, type Share } from './feed'
import { keyOf } from './tree'

/** In recorded steps, batches are padded to a multiple of so many positions: few shapes serve many. */
const REPEATING = 8

/** Examples: an array, or a source that is read anew each pass, which may be larger than memory. */
export type Examples<E> = Iterable<E> | AsyncIterable<E> | (() => Iterable<E> | AsyncIterable<E>)

export interface BatchesOptions<E, B = Collated<E>> {
  /** Examples of a batch; those left over make up a smaller one. Default 32, unless `tokens` is given. */
  rows?: number | undefined
  /** In place of `rows`: about so many steps of all examples together, padding not counted. */
  tokens?: number | undefined
  /** Of the order, which differs from pass to pass. Default 0. */
  seed?: number | undefined
  /** How long an example is. Default: its longest field that is an array of numbers. */
  length?: ((example: E) => number) | undefined
  /** What fields are padded with, by name. Default 0. */
  pad?: Readonly<Record<string, number>> | undefined
  /**
   * Makes a batch of examples, the longest of which is to be padded to `steps`. Values that are to go to
   * the device have the form `{ shape, data }`, such as `data.pad` gives. Default: field by field.
   */
  collate?: ((examples: readonly E[], padding: { steps: number }) => B) | undefined
  /** Of a source that is no array: examples in memory, among which those alike are found. Default 8192. */
  buffer?: number | undefined
}

const NAMES: Names<BatchesOptions<unknown>> = {
  ...{ rows: true, tokens: true, seed: true, length: true, pad: true, collate: true, buffer: true },
}

/**
 * Batches of examples for a `Trainer`: those of similar lengths together, padded, in an order that depends on
 * seed and pass alone, so that a run continues from any place.
 *
 * Examples are objects, such as `{ words: [4, 8, 1], tags: [0, 2, 0] }` or `{ words: [4, 8], label: 1 }`; their
 * batch then holds `words` i32 [steps, rows], `label` i32 [rows] and `lengths` i32 [rows]. Throws
 * `ERR_ARGUMENT` for options out of their range, `ERR_EMPTY` for no example.
 */
export function batches<E, B = Collated<E>>(
  examples: Examples<E>,
  options: BatchesOptions<E, B> = {},
): Feed<B> {
  const { rows = 32, tokens, seed = 0, buffer = 8192 } = optionsOf('batches', options, NAMES)
  for (const name of ['length', 'collate'] as const)
    if (options[name] !== undefined) checkFunction('batches', name, options[name])
  const { pad = {} } = options
  expect('batches', 'pad', isObject(pad), 'an object of numbers', pad)
  for (const [name, value] of Object.entries(pad)) checkFinite('batches', `pad.${name}`, value)
  for (const [name, value] of Object.entries({ rows, buffer }))
    checkWhole('batches', name, value, 1)
  checkWhole('batches', 'seed', seed, 0)
  if (tokens !== undefined) {
    checkWhole('batches', 'tokens', tokens, 1)
    expect('batches', 'rows', options.rows === undefined, 'none beside tokens', options.rows)
  }
  const ignored = options.collate !== undefined && options.pad !== undefined
  expect('batches', 'pad', !ignored, 'none beside collate, which pads', pad)
  return Array.isArray(examples)
    ? new ArrayFeed(new Batcher(options), (examples as readonly E[]).slice())
    : new StreamFeed(new Batcher(options), examples, buffer)
}

/** Makes batches of examples that are in memory. */
class Batcher<E, B> {
  readonly unit: string
  readonly identity: Readonly<Record<string, unknown>>
  readonly length: (example: E, place: number) => number
  private readonly seed: number
  private readonly collate: (
    examples: readonly E[],
    padding: { steps: number },
    placeOf: (row: number) => number,
  ) => B
  private readonly seen = new Set<string>()

  constructor(private readonly options: BatchesOptions<E, B>) {
    const { tokens, rows = 32, seed = 0, length = lengthOf, pad: values } = options
    this.unit = tokens === undefined ? 'examples' : 'tokens'
    this.identity = tokens === undefined ? { rows, seed } : { tokens, seed }
    this.seed = seed
    this.length = (example, place) => {
      const steps = length(example)
      if (!whole(steps, 0) || steps > MOST_STEPS)
        checkWhole('batches', `length of examples[${place}]`, steps, 0, MOST_STEPS)
      return steps
    }
    this.collate =
      options.collate ??
      ((all, { steps }, placeOf) => collateAt(all, { steps, values }, placeOf) as unknown as B)
  }

  /** How many batches these lengths make. */
  count(lengths: Int32Array): number {
    const { tokens, rows = 32 } = this.options
    if (tokens === undefined) return Math.ceil(lengths.length / rows)
    const total = lengths.reduce((sum, length) => sum + length, 0)
    return Math.max(1, Math.min(lengths.length, Math.ceil(total / tokens)))
  }

  /** Which examples come together, in a pass and of `window`, the part of a source that is in memory. */
  arrange(lengths: Int32Array, pass: number, window: number): Uint32Array[] {
    const { tokens, rows = 32 } = this.options
    const lengthAt = (i: number) => lengths[i] as number
    const arrangement = {
      ...{ length: lengths.length, sizes: [lengthAt], count: this.count(lengths), rows },
      weight: tokens === undefined ? undefined : lengthAt,
    }
    const key = streamKey(this.seed, `batches ${window}`)
    const random = { key, step: pass, sampleBase: 0 }
    return arrange(arrangement, randomUniforms(random, numbersFor(arrangement)))
  }

  /** `chosen`: which examples of `all` they are, the first of which is number `base`. */
  portion(
    all: readonly E[],
    chosen: Uint32Array,
    lengthsOf: Int32Array,
    base: number,
    [repeating, share]: readonly [boolean, Share],
  ): Portion<B> {
    return shared(chosen, share, (own) => this.made(all, own, lengthsOf, base, repeating))
  }

  private made(
    all: readonly E[],
    chosen: Uint32Array,
    lengthsOf: Int32Array,
    base: number,
    repeating: boolean,
  ): Portion<B> {
    const examples = Array.from(chosen, (i) => all[i] as E)
    const lengths = Array.from(chosen, (i) => lengthsOf[i] as number)
    const longest = lengths.reduce((most, length) => Math.max(most, length), 0)
    const steps = repeating ? Math.ceil(longest / REPEATING) * REPEATING : longest
    const batch = this.collate(examples, { steps }, (row) => base + (chosen[row] as number))
    expect('batches', 'collate', !isPromise(batch), 'a function that gives a batch at once', batch)
    const total = lengths.reduce((sum, length) => sum + length, 0)
    return {
      batch,
      items: this.unit === 'tokens' ? total : examples.length,
      rows: examples.length,
      key: repeating ? this.keyOf(batch) : null,
    }
  }

  /** Null for shapes that have not been met before: what does not repeat is not worth recording. */
  private keyOf(batch: B): string | null {
    const key = keyOf(batch)
    if (key === null || this.seen.has(key)) return key
    this.seen.add(key)
    return null
  }
}

/** Examples, and characters of them, that are enough to tell one list from another. */
const LOOKED_AT = { examples: 4096, characters: 1 << 23 }

/** A digest of some examples, evenly drawn: the data of a resumed run must be the same. */
function digestOfSome(examples: readonly unknown[]): string {
  const hash = createHash('sha256')
  const stride = Math.ceil(examples.length / LOOKED_AT.examples)
  let left = LOOKED_AT.characters
  for (let i = 0; i < examples.length && left > 0; i += stride) {
    const text = textOf(examples[i])
    left -= text.length
    hash.update(text)
  }
  return hash.digest('hex')
}

/** What of an example JSON can tell. */
function textOf(example: unknown): string {
  try {
    return (
      JSON.stringify(example, (_, value: unknown) =>
        ArrayBuffer.isView(value) && !(value instanceof DataView)
          ? Array.from(value as Float32Array)
          : value,
      ) ?? ''
    )
  } catch {
    return ''
  }
}

class ArrayFeed<E, B> implements Feed<B> {
  readonly unit: string
  readonly count: number
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  private readonly lengths: Int32Array

  constructor(
    private readonly batcher: Batcher<E, B>,
    private readonly examples: readonly E[],
  ) {
    if (examples.length === 0)
      throw new RnnativeError('ERR_EMPTY', '[batches] examples: expected at least one, got none')
    this.lengths = Int32Array.from(examples, batcher.length)
    this.unit = batcher.unit
    this.count = batcher.count(this.lengths)
    const lengths = createHash('sha256').update(this.lengths).digest('hex')
    const contents = digestOfSome(examples)
    this.identity = { ...batcher.identity, examples: examples.length, lengths, contents }
    this.facts = { examples: examples.length }
  }

  *pass(pass: number, first: number, repeating = false, share = ALONE): Generator<Portion<B>> {
    for (const chosen of this.batcher.arrange(this.lengths, pass, 0).slice(first))
      yield this.batcher.portion(this.examples, chosen, this.lengths, 0, [repeating, share])
  }
}

class StreamFeed<E, B> implements Feed<B> {
  readonly unit: string
  readonly count = null
  readonly identity: Readonly<Record<string, unknown>>

  constructor(
    private readonly batcher: Batcher<E, B>,
    private readonly examples: Examples<E>,
    private readonly buffer: number,
  ) {
    const valid = typeof examples === 'function' || isSource(examples)
    expect('batches', 'examples', valid, 'an array, an iterable or a function', examples)
    this.unit = batcher.unit
    this.identity = { ...batcher.identity, buffer }
  }

  async *pass(
    pass: number,
    first: number,
    repeating = false,
    share = ALONE,
  ): AsyncGenerator<Portion<B>> {
    const { examples, batcher, buffer } = this
    let [window, skip, base] = [0, first, 0]
    let held: E[] = []
    function* flush(): Generator<Portion<B>> {
      const lengths = Int32Array.from(held, (example, i) => batcher.length(example, base + i))
      const arranged = batcher.arrange(lengths, pass, window++)
      // Batches that a resumed run has had are not made again.
      for (const chosen of arranged.slice(skip))
        yield batcher.portion(held, chosen, lengths, base, [repeating, share])
      skip = Math.max(0, skip - arranged.length)
      base += held.length
      held = []
    }
    for await (const example of typeof examples === 'function' ? examples() : examples) {
      held.push(example)
      if (held.length >= buffer) yield* flush()
    }
    if (held.length > 0) yield* flush()
  }
}
