/**
 * Edit distance within a band around the diagonal, with the edits that reach it: what TER searches
 * its shifts with. The band and the order in which equal edits are preferred are those of Tercom as
 * sacreBLEU has them, because they decide which shifts are tried.
 */

/** Words on either side of the diagonal that are compared. */
const BAND = 25
const UNREACHED = 1 << 29
/** Rows of the table that are filled without a pause. */
const ROWS = 256

/** How a hypothesis becomes its reference, word by word. */
export type Operation = 'keep' | 'substitute' | 'delete' | 'insert'
const OPERATIONS: readonly Operation[] = ['keep', 'substitute', 'delete', 'insert']
const [KEEP, SUBSTITUTE, DELETE, INSERT] = [0, 1, 2, 3]

export class Aligner {
  private readonly reference: readonly string[]

  constructor(reference: readonly string[]) {
    this.reference = reference
  }

  *align(
    hypothesis: readonly string[],
  ): Generator<void, { distance: number; operations: Operation[] }> {
    const { reference } = this
    const [last, columns] = [hypothesis.length, reference.length + 1]
    const slope = last > 0 ? reference.length / last : 1
    const band = BAND < slope / 2 ? Math.ceil(slope / 2 + BAND) : BAND
    // Of a row only the band is kept, and all of the first and the last one's end.
    const begins = new Int32Array(last + 1)
    const starts = new Int32Array(last + 2)
    for (let i = 0; i <= last; ++i) {
      const diagonal = Math.floor(i * slope)
      const begin = i === 0 ? 0 : Math.max(0, diagonal - band)
      const end = i === 0 || i === last ? columns : Math.min(columns, diagonal + band)
      begins[i] = begin
      starts[i + 1] = (starts[i] as number) + Math.max(0, end - begin)
    }
    const costs = new Int32Array(starts[last + 1] as number)
    const choices = new Uint8Array(costs.length)
    /** Where the cell is, or -1. */
    const placeOf = (i: number, j: number) => {
      const place = (starts[i] as number) + j - (begins[i] as number)
      return j < (begins[i] as number) || place >= (starts[i + 1] as number) ? -1 : place
    }
    const costAt = (i: number, j: number) => {
      const place = placeOf(i, j)
      return place < 0 ? UNREACHED : (costs[place] as number)
    }
    for (let j = 0; j < columns; ++j) {
      costs[j] = j
      choices[j] = INSERT
    }
    for (let i = 1; i <= last; ++i) {
      let j = begins[i] as number
      for (let at = starts[i] as number; at < (starts[i + 1] as number); ++at, ++j) {
        let [cost, choice] = [costAt(i - 1, j) + 1, DELETE]
        if (j > 0) {
          const same = hypothesis[i - 1] === reference[j - 1]
          const across = costAt(i - 1, j - 1) + (same ? 0 : 1)
          if (across <= cost) [cost, choice] = [across, same ? KEEP : SUBSTITUTE]
          const along = costAt(i, j - 1) + 1
          if (along < cost) [cost, choice] = [along, INSERT]
        }
        costs[at] = cost
        choices[at] = choice
      }
      if (i % ROWS === 0) yield
    }

    const operations: Operation[] = []
    for (let i = last, j = columns - 1; i > 0 || j > 0;) {
      const place = placeOf(i, j)
      const choice = place < 0 ? KEEP : (choices[place] as number)
      operations.push(OPERATIONS[choice] as Operation)
      if (choice !== INSERT) --i
      if (choice !== DELETE) --j
    }
    return { distance: costAt(last, columns - 1), operations: operations.reverse() }
  }
}

/** Which hypothesis word each reference word faces, and which words of either side are wrong. */
export function alignmentOf(operations: readonly Operation[]): {
  /** By reference position: the last hypothesis word consumed there, -1 before the first. */
  positions: number[]
  hypothesisErrors: boolean[]
  referenceErrors: boolean[]
} {
  const positions: number[] = []
  const hypothesisErrors: boolean[] = []
  const referenceErrors: boolean[] = []
  for (const operation of operations) {
    const wrong = operation !== 'keep'
    if (operation !== 'insert') hypothesisErrors.push(wrong)
    if (operation !== 'delete') {
      positions.push(hypothesisErrors.length - 1)
      referenceErrors.push(wrong)
    }
  }
  return { positions, hypothesisErrors, referenceErrors }
}
