import { RnnativeError } from '../errors'
import type { HostTensor } from '../nn'
import { tensor, zeros, type DeviceName, type Tensor } from '../tensor'
import { formatShape } from '../tensor/shape'
import { joinRows, splitRows } from './rows'

const entriesOf = (state: object | null): [string, Tensor][] =>
  Object.entries(state ?? {}).filter((entry): entry is [string, Tensor] => entry[1] !== undefined)

export function disposeAll(state: object | null): void {
  for (const [, value] of entriesOf(state)) value.dispose()
}

function assignAll(to: object | null, from: object | null): void {
  const values = new Map(entriesOf(from))
  for (const [name, tensor] of entriesOf(to)) {
    const value = values.get(name)
    if (value) tensor.assign(value)
  }
}

const likeOf = <C extends object>(state: C): C =>
  Object.fromEntries(
    entriesOf(state).map(([name, { shape, device }]) => [name, zeros(shape, { device })]),
  ) as C

/** What a checkpoint holds of it, by name, and its file. */
export interface SavedCarried {
  tensors: ReadonlyMap<string, HostTensor>
  source: string
}

/** What a rank carries of one of a step's batches; empty where it has no row of it. */
export type CarriedPart = ReadonlyMap<string, HostTensor>

/** All rows of a step: of each batch those of the ranks in turn. */
export function joinCarried(byRank: readonly (readonly CarriedPart[])[]): Map<string, HostTensor> {
  const most = Math.max(0, ...byRank.map(({ length }) => length))
  const parts: CarriedPart[] = []
  for (let i = 0; i < most; ++i)
    for (const own of byRank) {
      const part = own[i]
      if (part !== undefined && part.size > 0) parts.push(part)
    }
  const names = [...(parts[0]?.keys() ?? [])]
  return new Map(
    names.map((name) => [name, joinRows(parts.map((part) => part.get(name) as HostTensor))]),
  )
}

const NONE: SavedCarried = { tensors: new Map(), source: '' }

/**
 * What is carried from step to step: tensors [layers, rows, features] by name, such as recurrent state,
 * for each of a step's batches. A checkpoint holds them joined along the rows, so that a resumed run may
 * have its rows in other parts.
 */
export class Carried<C extends object> {
  private readonly states: (C | null)[] = []
  /** Those before the last step, which may turn out to have failed. */
  private readonly before: (C | null)[] = []
  private saved = NONE

  /**
   * `inPlace`: states stay in the same tensors, since a recorded step knows those it was recorded with.
   */
  constructor(
    private readonly zeros: ((rows: number) => C) | undefined,
    private readonly inPlace: boolean,
    private readonly device: DeviceName,
  ) {}

  /** What batch `i` of a step continues from, whose rows those before it precede. */
  get(i: number, firstRow: number, rows: number): C | null {
    if (!this.zeros) return null
    const found = (this.states[i] ??=
      this.saved.tensors.size === 0 ? this.zeros(rows) : this.restored(firstRow, rows))
    if (this.inPlace) this.before[i] ??= likeOf(found)
    return found
  }

  private restored(firstRow: number, rows: number): C {
    this.checkSaved(firstRow + rows)
    const cut = [...this.saved.tensors].map(([name, value]) => {
      const { data, shape } = splitRows(value, firstRow, rows)
      return [name, tensor(data, shape, { device: this.device })]
    })
    return Object.fromEntries(cut) as C
  }

  /** Throws `ERR_FORMAT` unless what is saved is what such a run carries, for so many rows at least. */
  private checkSaved(rows: number): void {
    const { tensors, source } = this.saved
    const like = this.zeros?.(rows) ?? null
    const known = entriesOf(like).map(([name, { shape }]) => [name, shape] as const)
    disposeAll(like)
    const fail = (name: string, expected: string, got: string) =>
      new RnnativeError(
        'ERR_FORMAT',
        `[resume] ${source}: ${name}: expected ${expected}, got ${got}`,
      )
    for (const [name, [layers, , hidden]] of known) {
      const { shape } = tensors.get(name) ?? { shape: null }
      const fits =
        shape?.length === 3 &&
        shape[0] === layers &&
        (shape[1] as number) >= rows &&
        shape[2] === hidden
      const expected = `[${layers}, ${rows} or more, ${hidden}]`
      if (!fits) throw fail(name, expected, shape === null ? 'none' : formatShape(shape))
    }
    for (const name of tensors.keys())
      if (!known.some(([own]) => own === name)) throw fail(name, 'none', 'a tensor')
  }

  keep(i: number, next: C | undefined): void {
    if (next === undefined) return
    const state = this.states[i] ?? null
    const before = this.before[i] ?? null
    if (!this.inPlace || state === null) {
      disposeAll(before)
      this.before[i] = state
      this.states[i] = next
      return
    }
    assignAll(before, state)
    assignAll(state, next)
    disposeAll(next)
  }

  /** Takes the last step's states back; once. */
  back(): void {
    this.before.forEach((before, i) => {
      if (before === null) return
      const state = this.states[i] ?? null
      if (this.inPlace) return assignAll(state, before)
      disposeAll(state)
      this.states[i] = before
      this.before[i] = null
    })
  }

  /** A new pass continues nothing. */
  reset(): void {
    if (!this.inPlace) return this.dispose()
    this.saved = NONE
    for (const state of this.states) for (const [, value] of entriesOf(state)) value.fill(0)
  }

  /** Those of each batch, by name. */
  toHost(): Promise<CarriedPart[]> {
    const states = Array.from(this.states, (state) => state ?? null)
    return Promise.all(
      states.map(async (state) => {
        const read = entriesOf(state).map(async ([name, value]) => {
          const { shape } = value
          return [name, { shape, data: await value.data() }] as const
        })
        return new Map(await Promise.all(read))
      }),
    )
  }

  restore(saved: SavedCarried): void {
    this.dispose()
    this.saved = saved
  }

  dispose(): void {
    for (const state of [...this.states, ...this.before]) disposeAll(state)
    this.states.length = this.before.length = 0
    this.saved = NONE
  }
}
