/** Requests to one model that wait together run as one batch. */
import { checkFlag, checkNames, checkSignal, isObject } from '../check'
import { expect, RnnativeError } from '../errors'
import type { AbortSignalLike } from '../signal'
import type { Asked } from './asked'
import { verbsOf, type Servable } from './families'
import { batcherOptions, type BatcherOptions } from './options'
import { aborted, keyOf, Queue, type Waiting } from './queue'
import type { Verb, VerbOptions, Verbs } from './verb'

/** What has been done since the beginning. */
export interface BatcherStats {
  /** Inputs that wait now, and that are being worked on. */
  readonly waiting: number
  /** Batches that are computed now. */
  readonly running: number
  /** Batches that have ended, and the inputs in them. */
  readonly batches: number
  /** Inputs answered so far. */
  readonly inputs: number
}

/** What an `ask` takes besides the family's own options. */
interface Heeding {
  /** Takes the request out of the queue, or out of its batch; `ERR_ABORTED`. */
  signal?: AbortSignalLike | undefined
}

/** A queue before a model. Made by {@link batcher}. */
export class Batcher implements AsyncDisposable {
  /** @internal */
  readonly verbs: Verbs
  private readonly settings
  private readonly queue: Queue
  private readonly streams = new Set<AbortController>()
  private running: Promise<void> | null = null
  private working = 0
  private lastBatch = 0
  private readonly done = { batches: 0, inputs: 0 }
  private closed = false
  private hurry: (() => void) | null = null

  constructor(model: Servable, options: BatcherOptions = {}) {
    this.settings = batcherOptions.resolve(options)
    this.verbs = verbsOf('batcher', model)
    this.queue = new Queue(this.settings.maxQueue)
  }

  /** What waits and what was done. */
  get stats(): BatcherStats {
    const running = this.working + this.streams.size
    return { waiting: this.queue.size, running, ...this.done }
  }

  /**
   * The result for one input; what the family's own call gives for it alone. Rejects with `ERR_BUSY`, at once, where as many
   * wait as may, with `ERR_ABORTED`, `ERR_DISPOSED` after {@link close}, and with whatever the family's call rejects with
   * for this input: others of its batch get their results.
   */
  async ask<V extends keyof Asked>(
    verb: V,
    input: Asked[V]['input'],
    options: Asked[V]['options'] & Heeding = {},
  ): Promise<Asked[V]['result']> {
    const [result] = await this.askAll(verb, [input], options)
    return result as Asked[V]['result']
  }

  /** The same of several inputs, which are refused together or not at all. They need not run together. */
  async askAll<V extends keyof Asked>(
    verb: V,
    inputs: readonly Asked[V]['input'][],
    options: Asked[V]['options'] & Heeding = {},
  ): Promise<Asked[V]['result'][]> {
    const { found, signal, given } = this.check(verb, options)
    expect('ask', 'inputs', Array.isArray(inputs), 'a list', inputs)
    this.queue.checkRoom(inputs.length)
    const key = keyOf(verb, given)
    const all = inputs.map((input) => this.wait(found, key, input, given, signal))
    this.wake()
    return (await Promise.all(all)) as Asked[V]['result'][]
  }

  /**
   * A result piece by piece, where the verb has such: `generate`, and `sample` of a `Seq2Seq`. It takes a place of
   * `maxBatch` while it lasts; where all are taken, `ERR_BUSY`.
   */
  stream<V extends keyof Asked>(
    verb: V,
    input: Asked[V]['input'],
    options: Asked[V]['options'] & Heeding = {},
  ): AsyncGenerator<string, void, void> {
    const { found, signal, given } = this.check(verb, options)
    const { stream } = found
    if (stream === undefined) expect('ask', 'verb', false, 'one that streams', verb)
    const { maxBatch } = this.settings
    if (this.streams.size >= maxBatch)
      throw new RnnativeError(
        'ERR_BUSY',
        `[ask] streams: expected at most ${maxBatch} at a time, got one more`,
      )
    return this.follow((ending) => stream!(input, given, ending), signal)
  }

  private async *follow(
    begin: (signal: AbortSignal) => AsyncGenerator<string, void, void>,
    signal: AbortSignalLike | undefined,
  ): AsyncGenerator<string, void, void> {
    const ending = new AbortController()
    const end = () => ending.abort(signal?.reason)
    signal?.addEventListener('abort', end)
    this.streams.add(ending)
    try {
      yield* begin(ending.signal)
      this.done.inputs++
    } finally {
      signal?.removeEventListener('abort', end)
      this.streams.delete(ending)
      this.hurry?.()
    }
  }

  private check(
    verb: string,
    options: object,
  ): { found: Verb; signal: AbortSignalLike | undefined; given: VerbOptions } {
    if (this.closed) throw new RnnativeError('ERR_DISPOSED', '[ask] the batcher has been closed')
    const names = Object.keys(this.verbs)
    expect('ask', 'verb', Object.hasOwn(this.verbs, verb), `one of ${names.join(', ')}`, verb)
    const found = this.verbs[verb] as Verb
    checkNames('ask', options, { ...found.options, signal: true })
    const { signal, ...given } = options as Heeding & VerbOptions
    checkSignal('ask', signal)
    return { found, signal: signal ?? undefined, given: told(given) }
  }

  private wait(
    verb: Verb,
    key: string,
    input: unknown,
    options: VerbOptions,
    signal: AbortSignalLike | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal) as Error)
      const leave = () => {
        this.queue.remove(one)
        reject(aborted(signal as AbortSignalLike) as Error)
      }
      const settle =
        <T>(how: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', leave)
          how(value)
        }
      const one: Waiting = {
        ...{ verb, key, input, options, signal, since: performance.now() },
        ...{ resolve: settle(resolve), reject: settle(reject) },
      }
      signal?.addEventListener('abort', leave)
      this.queue.add(one)
    })
  }

  /** Works until nothing waits; or, where it works, has it look again whether enough wait. */
  private wake(): void {
    this.hurry?.()
    this.running ??= this.work().finally(() => {
      this.running = null
      // What came between the last look and this.
      if (this.queue.size > 0) this.wake()
    })
  }

  private async work(): Promise<void> {
    // Those of this turn of the event loop come together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.queue.size > 0) {
      await this.company()
      const batch = this.queue.take(this.settings.maxBatch)
      if (batch.length === 0) continue
      this.lastBatch = batch.length
      this.working = batch.length
      await runBatch(batch)
      this.working = 0
      this.done.batches++
      this.done.inputs += batch.length
    }
  }

  /** Waits for others to come, unless the last one was alone: who is alone does not wait. */
  private async company(): Promise<void> {
    const { maxBatch, maxWait } = this.settings
    if (this.lastBatch <= 1 || maxWait === 0 || this.closed) return
    const until = performance.now() + maxWait
    // As many as the last time are likely all there are.
    const enough = () => this.queue.alike >= Math.min(maxBatch, this.lastBatch) || this.closed
    for (let left = maxWait; left > 0 && !enough(); left = until - performance.now())
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.hurry = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    this.hurry = null
  }

  /**
   * Refuses what comes from now on, and resolves when all that was asked before has its result. With `now` streams and
   * what waits end with `ERR_ABORTED`. The model stays.
   */
  async close(options: { now?: boolean | undefined } = {}): Promise<void> {
    const { now = false } = isObject(options) ? options : {}
    checkFlag('close', 'now', now)
    this.closed = true
    if (now) {
      const reason = new RnnativeError('ERR_ABORTED', '[ask] aborted: the batcher was closed')
      for (const ending of this.streams) ending.abort(reason)
      for (let left = this.queue.take(1); left.length > 0; left = this.queue.take(1))
        for (const one of left) one.reject(reason)
    }
    this.hurry?.()
    await this.running
    while (this.streams.size > 0) await new Promise<void>((resolve) => (this.hurry = resolve))
    this.hurry = null
  }

  /** As {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Without those that say nothing, so that they make no difference to who goes together. */
const told = (options: VerbOptions): VerbOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

/** Gives each its result. Where a batch fails each is tried alone, so that one's fault is nobody else's. */
async function runBatch(batch: readonly Waiting[]): Promise<void> {
  const [first] = batch as readonly [Waiting]
  const { verb, options } = first
  const ending = new AbortController()
  const leave = () => {
    if (batch.every(({ signal }) => signal?.aborted)) ending.abort()
  }
  for (const { signal } of batch) signal?.addEventListener('abort', leave)
  try {
    const inputs = batch.map(({ input }) => input)
    const results = await verb.run(inputs, options, ending.signal)
    batch.forEach((one, i) => one.resolve(results[i]))
  } catch (error) {
    if (batch.length === 1 || ending.signal.aborted) first.reject(error)
    else for (const one of batch) if (!one.signal?.aborted) await runBatch([one])
  } finally {
    for (const { signal } of batch) signal?.removeEventListener('abort', leave)
  }
}

/**
 * Puts a queue before a model, for a server of your own: what is asked at about the same time runs as one batch, and each
 * gets what it would get alone.
 *
 * ```ts
 * const queue = serve.batcher(await Seq2Seq.load('runs/mt'), { maxBatch: 32, maxQueue: 256 })
 * const { text } = await queue.ask('translate', 'guten Tag', { beam: 5, signal })
 * ```
 */
export const batcher = (model: Servable, options: BatcherOptions = {}): Batcher =>
  new Batcher(model, options)
