/** One of several ranks, processes that learn together: each takes its rows of every portion. */
export interface Share {
  /** Which one, from 0. */
  readonly rank: number
  /** How many there are. */
  readonly size: number
}

/** The only rank. */
export const ALONE: Share = { rank: 0, size: 1 }

/** A rank's rows of so many, from the first to before the last; there may be fewer rows than ranks. */
export function shareOf(rows: number, { rank, size }: Share): [first: number, end: number] {
  return [Math.floor((rank * rows) / size), Math.floor(((rank + 1) * rows) / size)]
}

/** Whether the `i`-th of many is a rank's, where they are dealt out. */
export const isDealt = (i: number, { rank, size }: Share): boolean => i % size === rank

/** A batch, and what training has to know of it. */
export interface Portion<B> {
  /** What a step learns from. */
  readonly batch: B
  /** What it counts as, in the feed's unit. */
  readonly items: number
  /** Samples side by side; of a rank's share there may be none, and then `batch` is not looked at. */
  readonly rows: number
  /** Of a share: how many rows precede these, and how many there are in all. */
  readonly within?: { readonly first: number; readonly rows: number } | undefined
  /**
   * Portions of the same key have tensors of the same shapes and are the same in all else, so that a step
   * recorded of one (a CUDA graph) runs the others. Null: it is not to be recorded.
   */
  readonly key: string | null
}

/**
 * A rank's part of a portion: `make` makes it of what of `all` is its, the first of which it is told; each is `rowsOf`
 * rows.
 */
export function shared<I extends ArrayLike<unknown> & { slice(first: number, end: number): I }, B>(
  all: I,
  share: Share,
  make: (own: I, first: number) => Portion<B>,
  rowsOf = 1,
): Portion<B> {
  if (share.size === 1) return make(all, 0)
  const [first, end] = shareOf(all.length, share)
  const within = { first: first * rowsOf, rows: all.length * rowsOf }
  if (first === end) return { batch: undefined as B, items: 0, rows: 0, key: null, within }
  return { ...make(all.slice(first, end), first), within }
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
   * as recording wants them; all passes of a run are asked alike. With `share` each has the rows of that rank
   * alone, and tells where they are; a feed that does not heed it cannot be learned from by several ranks.
   */
  pass(
    pass: number,
    first: number,
    repeating?: boolean,
    share?: Share,
  ): Iterable<Portion<B>> | AsyncIterable<Portion<B>>
  /** Takes the seed of the run that is resumed; absent where the order has none, or one of its own. */
  reseed?(seed: number): void
}
