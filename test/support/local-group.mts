/** Ranks within this process, which need no MPI: what they tell each other waits here until all have come. */
import type { Tensor } from 'rnnative'
import type { Group } from '#dist/tensor/group.js'
import { openGroupsBy } from '#dist/train/ranks.js'

class Meeting {
  private readonly given: unknown[]
  private left: number
  private finish!: (all: unknown[]) => void
  readonly all = new Promise<unknown[]>((resolve) => (this.finish = resolve))

  constructor(size: number) {
    this.given = new Array<unknown>(size)
    this.left = size
  }

  give(rank: number, value: unknown): Promise<unknown[]> {
    this.given[rank] = value
    if (--this.left === 0) this.finish(this.given)
    return this.all
  }
}

export function localGroups(size: number): Group[] {
  const meetings = new Map<string, Meeting>()
  const meet = async <T,>(kind: string, turn: number, rank: number, value: T): Promise<T[]> => {
    const name = `${kind} ${turn}`
    const meeting = meetings.get(name) ?? new Meeting(size)
    meetings.set(name, meeting)
    const all = await meeting.give(rank, value)
    meetings.delete(name)
    return all as T[]
  }
  return Array.from({ length: size }, (_, rank): Group => {
    let [sums, others] = [0, 0]
    return {
      ...{ rank, size, name: 'within a process' },
      sums() {
        const tensors: Tensor[] = []
        let begun = false
        return {
          add: (tensor) => void tensors.push(tensor),
          begin: () => void (begun = true),
          async settle() {
            if (!begun) throw new Error('sums are settled that have not begun')
            const turn = sums++
            const own = await Promise.all(
              tensors.map((x) => x.data().catch(() => new Float32Array(x.size).fill(NaN))),
            )
            const all = await meet('sum', turn, rank, own)
            const total = all.reduce((sum, one) => sum + (one[0]?.[0] as number), 0)
            tensors.forEach((x, i) => {
              const sum = (all[0]?.[i] as Float32Array).slice()
              for (const one of all.slice(1))
                (one[i] as Float32Array).forEach((value, at) => (sum[at]! += value))
              x.assign(i === 0 ? sum : sum.map((value) => value / total))
            })
          },
        }
      },
      gather: (bytes) => meet('others', others++, rank, bytes),
      broadcast: async (bytes, root) =>
        (await meet('others', others++, rank, bytes))[root] as Uint8Array,
      barrier: async () => void (await meet('others', others++, rank, null)),
      abort: (message) => {
        throw new Error(message)
      },
    }
  })
}

/** Runs `body` as each of so many ranks; it begins its fit before it waits for anything. */
export async function together<T>(size: number, body: (rank: number) => Promise<T>): Promise<T[]> {
  const groups = localGroups(size)
  let next = 0
  const before = openGroupsBy(() => Promise.resolve(groups[next++] ?? null))
  try {
    return await Promise.all(Array.from({ length: size }, (_, rank) => body(rank)))
  } finally {
    openGroupsBy(before)
  }
}
