import { expect } from '../errors'
import { matcherOf } from '../patterns'
import type { TypedArray } from '../tensor'
import type { Slice } from './arena'
import { groupsOf, magnitudes, smallest, type Grid, type Groups } from './magnitude'
import type { Masks } from './masks'
import type { Optimizer } from './optimizer'
import type { PruneSettings } from './prune-options'

/** How far a run is. */
export interface PruneProgress {
  /** Steps made. */
  step: number
  /** How much of the run is over, from 0 to 1; for pruning without `to`. `fit` tells it. */
  fraction?: number | undefined
}

/** When and how much is pruned. */
export interface PruneSchedule {
  /** What it was made with. */
  readonly settings: Readonly<PruneSettings>
  /** The share that is to be zero; null before pruning begins. */
  sparsityAt(progress: PruneProgress): number | null
  /** Whether weights are pruned after this step, unless all are that ever will be. */
  falls(progress: PruneProgress): boolean
}

/** A matrix that is pruned. */
interface Matrix {
  slice: Slice
  grid: Grid
  groups: Groups
}

/** Prunes an optimizer's parameters, which keeps pruned weights zero from then on. Made by `bind` of what `optim.prune()` gives. */
export class Pruner {
  private readonly matrices: readonly Matrix[]
  private readonly masks: Masks
  /** The share that was last aimed at. */
  private target: number | null = null
  private zeros: number | null = null

  /** @internal */
  constructor(
    private readonly pruning: PruneSchedule,
    private readonly optimizer: Optimizer,
  ) {
    const { parameters, blocks } = pruning.settings
    const matches = matcherOf(parameters)
    const { slices, masks } = optimizer.pruned()
    this.masks = masks
    this.matrices = slices
      .filter(({ name, parameter }) => parameter.shape.length === 2 && matches(name))
      .map((slice) => {
        const [rows = 0, columns = 0] = slice.parameter.shape
        const grid = { rows, columns, gates: Math.max(1, slice.parameter.gates.length) }
        return { slice, grid, groups: groupsOf(grid, blocks) }
      })
    const names = slices.filter(({ parameter }) => parameter.shape.length === 2)
    const expected = `what matches a matrix (${names.map(({ name }) => name).join(', ')})`
    expect('prune', 'parameters', this.matrices.length > 0, expected, parameters)
  }

  /** Whether {@link update} has something to do after this step. */
  due(progress: PruneProgress): boolean {
    const share = this.pruning.sparsityAt(progress)
    return share !== null && share !== this.target && this.pruning.falls(progress)
  }

  /** Prunes what the schedule wants after this step; the share of all chosen matrices' weights that is zero for good. */
  async update(progress: PruneProgress): Promise<number> {
    if (this.due(progress)) {
      const share = this.pruning.sparsityAt(progress) as number
      await this.pruneTo(share)
      this.target = share
    }
    return this.sparsity()
  }

  private async pruneTo(share: number): Promise<void> {
    const live = this.matrices.filter(({ slice }) => slice.parameter.requiresGrad)
    const sizes = await Promise.all(
      live.map(async ({ slice, grid, groups }) => {
        const kept = (await this.masks.get(slice)?.data()) ?? null
        return magnitudes(await slice.parameter.data(), kept, grid, groups)
      }),
    )
    const chosen = this.choose(sizes, share)
    live.forEach(({ slice, grid, groups }, i) =>
      this.masks.set(slice, keptOf(grid, groups, chosen[i] as Uint8Array)),
    )
    this.optimizer.maskValues()
    this.zeros = null
  }

  private choose(sizes: readonly Float32Array[], share: number): Uint8Array[] {
    if (this.pruning.settings.scope === 'matrix') return sizes.map((own) => smallest(own, share))
    const all = new Float32Array(sizes.reduce((sum, { length }) => sum + length, 0))
    let end = 0
    for (const own of sizes) {
      all.set(own, end)
      end += own.length
    }
    const chosen = smallest(all, share)
    let at = 0
    return sizes.map(({ length }) => chosen.subarray(at, (at += length)))
  }

  private async sparsity(): Promise<number> {
    const all = this.matrices.reduce((sum, { slice }) => sum + slice.parameter.size, 0)
    this.zeros ??= (
      await Promise.all(this.matrices.map(async ({ slice }) => zerosOf(this.masks.get(slice))))
    ).reduce((sum, zeros) => sum + zeros, 0)
    return this.zeros / all
  }
}

function keptOf({ rows, columns }: Grid, groups: Groups, pruned: Uint8Array): Int32Array {
  const kept = new Int32Array(rows * columns)
  for (let i = 0, row = 0; row < rows; ++row)
    for (let column = 0; column < columns; ++column, ++i)
      kept[i] = 1 - (pruned[groups.of(row, column)] as number)
  return kept
}

async function zerosOf(mask: { data(): Promise<TypedArray> } | null): Promise<number> {
  let zeros = 0
  for (const kept of (await mask?.data()) ?? []) zeros += 1 - kept
  return zeros
}
