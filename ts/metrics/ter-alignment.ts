/**
 * Edit distance within a band around the diagonal, with the edits that reach it: what TER searches
 * its shifts with. The band and the order in which equal edits are preferred are those of Tercom as
 * sacreBLEU has them, because they decide which shifts are tried.
 */

/** Words on either side of the diagonal that are compared. */
const BAND = 25
const UNREACHED = 1 << 29

/** How a hypothesis becomes its reference, word by word. */
export type Operation = 'keep' | 'substitute' | 'delete' | 'insert'
const OPERATIONS: readonly Operation[] = ['keep', 'substitute', 'delete', 'insert']
const [KEEP, SUBSTITUTE, DELETE, INSERT] = [0, 1, 2, 3]

export class Aligner {
  private readonly reference: readonly string[]

  constructor(reference: readonly string[]) {
    this.reference = reference
  }

  align(hypothesis: readonly string[]): { distance: number; operations: Operation[] } {
    const { reference } = this
    const [rows, columns] = [hypothesis.length + 1, reference.length + 1]
    const costs = new Int32Array(rows * columns).fill(UNREACHED)
    const choices = new Uint8Array(rows * columns)
    for (let j = 0; j < columns; ++j) {
      costs[j] = j
      choices[j] = INSERT
    }

    const slope = hypothesis.length > 0 ? reference.length / hypothesis.length : 1
    const band = BAND < slope / 2 ? Math.ceil(slope / 2 + BAND) : BAND
    for (let i = 1; i < rows; ++i) {
      const diagonal = Math.floor(i * slope)
      const end = i === rows - 1 ? columns : Math.min(columns, diagonal + band)
      for (let j = Math.max(0, diagonal - band); j < end; ++j) {
        const at = i * columns + j
        let [cost, choice] = [(costs[at - columns] as number) + 1, DELETE]
        if (j > 0) {
          const same = hypothesis[i - 1] === reference[j - 1]
          const across = (costs[at - columns - 1] as number) + (same ? 0 : 1)
          if (across <= cost) [cost, choice] = [across, same ? KEEP : SUBSTITUTE]
          const along = (costs[at - 1] as number) + 1
          if (along < cost) [cost, choice] = [along, INSERT]
        }
        costs[at] = cost
        choices[at] = choice
      }
    }

    const operations: Operation[] = []
    for (let i = rows - 1, j = columns - 1; i > 0 || j > 0;) {
      const choice = choices[i * columns + j] as number
      operations.push(OPERATIONS[choice] as Operation)
      if (choice !== INSERT) --i
      if (choice !== DELETE) --j
    }
    return { distance: costs[rows * columns - 1] as number, operations: operations.reverse() }
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
