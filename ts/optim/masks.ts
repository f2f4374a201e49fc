/**
 * Which weights of an optimizer's parameters are zero for good. They have no gradient, so that the norm is of those
 * that live, and are zero again after each update, whatever momentum and moments say.
 */
import { where } from '../ops'
import { noGrad, scope, type Tensor, type TypedArray } from '../tensor'
import { flatBuffer, partOf } from '../tensor/arena'
import type { Arena, Slice } from './arena'

export class Masks {
  /** i32 [size], 1 where a weight lives, of the parameters that have one. */
  private readonly bySlice = new Map<Slice, Tensor>()

  constructor(private readonly arena: Arena) {}

  get(slice: Slice): Tensor | null {
    return this.bySlice.get(slice) ?? null
  }

  /** A parameter's mask, all ones where it had none. It stays where it is: recorded steps read it. */
  open(slice: Slice): Tensor {
    const found = this.bySlice.get(slice)
    if (found) return found
    const made = flatBuffer(slice.parameter.size, 'i32', this.arena.device).fill(1)
    this.bySlice.set(slice, made)
    return made
  }

  set(slice: Slice, kept: TypedArray): void {
    this.open(slice).assign(kept)
  }

  /** Makes what is pruned zero in a buffer of the arena's layout. */
  apply(buffer: Tensor): void {
    for (const [slice, mask] of this.bySlice)
      scope(() =>
        noGrad(() => {
          const part = partOf(buffer, slice.offset, mask.shape)
          part.assign(where(mask, part, 0))
        }),
      )
  }

  /** Each as a tensor of its parameter's shape, to be disposed; by the parameter's name. */
  *named(): Generator<[string, Tensor]> {
    for (const [{ name, parameter }, mask] of this.bySlice)
      yield [name, partOf(mask, 0, parameter.shape)]
  }

  /** Which parameters have one; what is recorded of a step depends on it. */
  get key(): string {
    return this.arena.slices.flatMap((slice, i) => (this.bySlice.has(slice) ? i : [])).join()
  }

  /** Forgets those of all other parameters. */
  keepOnly(slices: ReadonlySet<Slice>): void {
    for (const [slice, mask] of this.bySlice)
      if (!slices.has(slice)) {
        mask.dispose()
        this.bySlice.delete(slice)
      }
  }

  dispose(): void {
    this.keepOnly(new Set())
  }
}
