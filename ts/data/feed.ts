/** A batch, and what training has to know of it. */
export interface Portion<B> {
  readonly batch: B
  /** What it counts as, in the feed's unit. */
  readonly items: number
  /** Samples side by side. */
  readonly rows: number
  /**
   * Portions of the same key have tensors of the same shapes and are the same in all else, so that a step
   * recorded of one (a CUDA graph) runs the others. Null: it is not to be recorded.
   */
  readonly key: string | null
}

/** Where batches come from, pass by pass. */
export interface Feed<B> {
  /** What an item is: 'tokens', 'examples', ... */
  readonly unit: string
  /** Portions of a pass; null where only its end tells. */
  readonly count: number | null
  /** Settings and data that a resumed run must share, JSON-serialisable and compared by name. */
  readonly identity: Readonly<Record<string, unknown>>
  /** What watchers are told of the data. */
  readonly facts?: Readonly<Record<string, string | number>> | undefined
  /**
   * The portions of pass `pass` from portion `first` on, both from 0: the same for the same pass, so that
   * a run continues from any place. With `repeating` they are padded to shapes that occur again and again,
   * as recording wants them; all passes of a run are asked alike.
   */
  pass(
    pass: number,
    first: number,
    repeating?: boolean,
  ): Iterable<Portion<B>> | AsyncIterable<Portion<B>>
  /** Takes the seed of the run that is resumed; absent where the order has none, or one of its own. */
  reseed?(seed: number): void
}
