import { RnnativeError } from '../errors'

/** Vectors of one size by word. */
export class Vectors {
  constructor(
    /** Numbers of a vector. */
    readonly size: number,
    private readonly byWord: ReadonlyMap<string, Float32Array>,
  ) {}

  /** How many words there are. */
  get length(): number {
    return this.byWord.size
  }

  get(word: string): Float32Array | undefined {
    return this.byWord.get(word)
  }

  words(): IterableIterator<string> {
    return this.byWord.keys()
  }
}

export const badVectors = (path: string, problem: string): RnnativeError =>
  new RnnativeError('ERR_FORMAT', `[read vectors] ${path}: ${problem}`)
