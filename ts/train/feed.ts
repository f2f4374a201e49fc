import { RnnativeError } from '../errors'
import { isPromise } from '../kinds'
import { ALONE, type Feed, type Portion, type Share } from '../data/feed'
import { unlessStopped, type RunContext } from './run'

export type { Feed, Portion, Share } from '../data/feed'

type Portions<B> = Iterator<Portion<B>> | AsyncIterator<Portion<B>>

/** Where a step is: of which pass, and which step of it; both from 0. */
export interface Place {
  epoch: number
  index: number
}

/**
 * Reads a feed step by step, each of so many portions, the last of a pass of those that are left. One step
 * is read ahead while another runs. What is waited for is given up when the run is asked to stop.
 */
export class FeedReader<B> {
  private at: (Place & { portions: Portions<B> }) | null = null
  private next: Promise<Portion<B>[]> | null = null
  /** What `next` gives, where it is there already. */
  private ready: Portion<B>[] | null = null

  constructor(
    private readonly feed: Feed<B>,
    private readonly perStep: number,
    private readonly repeating: boolean,
    private readonly context: RunContext<never>,
    private readonly share: Share = ALONE,
  ) {}

  /** Steps of a pass, null where only its end tells. */
  get stepsPerEpoch(): number | null {
    const { count } = this.feed
    return count === null ? null : Math.ceil(count / this.perStep)
  }

  /**
   * The portions of a step: none past the end of a pass whose length was not known, null when the run is
   * asked to stop. Throws `ERR_EMPTY` for a pass without any.
   */
  async take({ epoch, index }: Place): Promise<Portion<B>[] | null> {
    if (this.at?.epoch !== epoch || this.at.index !== index) this.open({ epoch, index })
    const taken = await this.unlessStopped((this.next ??= this.read()))
    if (taken === null) return null
    this.next = this.ready = null
    if (this.at) ++this.at.index
    if (taken.length === 0 && (index === 0 || this.feed.count !== null))
      throw this.empty(epoch, index)
    return taken
  }

  /** Begins to read the next step of this pass; its portions, if they are there at once. */
  ahead(): readonly Portion<B>[] | null {
    const { count } = this.feed
    const { at, perStep } = this
    if (at === null || (count !== null && at.index * perStep >= count)) return null
    this.next ??= this.read()
    this.next.catch(() => undefined) // told when it is taken
    return this.ready
  }

  /** Whether nothing is left of this pass. Null when the run is asked to stop before that is known. */
  async ended(): Promise<boolean | null> {
    const { stepsPerEpoch, at } = this
    if (at === null) return false
    if (stepsPerEpoch !== null) return at.index >= stepsPerEpoch
    const next = await this.unlessStopped((this.next ??= this.read()))
    return next && next.length === 0
  }

  /** Lets a source go that has not been read to its end. */
  close(): void {
    this.next?.catch(() => undefined)
    this.next = this.ready = null
    // Not awaited: a source that stalls would hold this up.
    const closed: unknown = this.at?.portions.return?.()
    if (isPromise(closed)) closed.then(undefined, () => undefined)
    this.at = null
  }

  private open({ epoch, index }: Place): void {
    this.close()
    const all = this.feed.pass(epoch, index * this.perStep, this.repeating, this.share)
    const portions =
      Symbol.asyncIterator in all ? all[Symbol.asyncIterator]() : all[Symbol.iterator]()
    this.at = { epoch, index, portions }
  }

  private async read(): Promise<Portion<B>[]> {
    const portions = (this.at as { portions: Portions<B> }).portions
    const read: Portion<B>[] = []
    while (read.length < this.perStep) {
      // What is there is not waited for: the loop goes on in the same turn.
      const given = portions.next()
      const { value, done } = isPromise(given) ? await given : given
      if (done === true) break
      read.push(value as Portion<B>)
    }
    this.ready = read
    return read
  }

  private unlessStopped<T>(promise: Promise<T>): Promise<T | null> {
    return unlessStopped(promise, this.context)
  }

  private empty(epoch: number, index: number): RnnativeError {
    const { count } = this.feed
    const wanted =
      count === null
        ? 'at least one batch'
        : `${count} batches, ${index * this.perStep} read so far`
    const once =
      count === null && epoch > 0 ? '; can the source be read more than once? give a function' : ''
    return new RnnativeError(
      'ERR_EMPTY',
      `[fit] feed: pass ${epoch + 1}: expected ${wanted}, got none${once}`,
    )
  }
}
