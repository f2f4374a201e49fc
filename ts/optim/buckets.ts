import type { Parameter, Tensor } from '../tensor'
import { stretchOf } from '../tensor/arena'

/** A bucket has at least so many elements, but for the last. */
const LEAST = 2 ** 17

/** Where in the buffer the gradient of a parameter begins. */
interface Place {
  readonly parameter: Parameter
  readonly offset: number
}

interface Bucket {
  readonly gradients: Tensor
  readonly of: readonly Parameter[]
}

/**
 * All gradients in stretches of their flat buffer, the last ones first as backward comes to them first. Each is given away
 * when all of it is final, so that something can be done with it while backward goes on; always in the same order.
 */
export class Buckets {
  private readonly all: readonly Bucket[]
  private readonly bucketOf = new Map<Parameter, number>()
  /** Parameters of each whose gradient is not final yet. */
  private left: Set<Parameter>[] = []
  private next = 0
  private give: ((gradients: Tensor) => void) | null = null

  constructor(places: readonly Place[], gradients: Tensor) {
    const all: Bucket[] = []
    let of: Parameter[] = []
    let end = gradients.size
    for (const { parameter, offset } of places.toReversed()) {
      of.push(parameter)
      this.bucketOf.set(parameter, all.length)
      if (end - offset < LEAST && offset > 0) continue
      all.push({ gradients: stretchOf(gradients, offset, end - offset), of })
      of = []
      end = offset
    }
    this.all = all
  }

  /** Whether somebody waits for gradients. */
  get watched(): boolean {
    return this.give !== null
  }

  /** From now on, `give` takes each that is final. */
  watch(give: (gradients: Tensor) => void): void {
    this.left = this.all.map(({ of }) => new Set(of))
    this.next = 0
    this.give = give
  }

  /** Nothing adds to the gradient of this parameter any more. */
  finish(parameter: Parameter): void {
    const at = this.bucketOf.get(parameter)
    if (at === undefined || this.give === null) return
    this.left[at]?.delete(parameter)
    while (this.left[this.next]?.size === 0) this.pass()
  }

  /** All that is left is final. */
  settle(): void {
    while (this.next < this.all.length) this.pass()
    this.give = null
  }

  private pass(): void {
    this.give?.((this.all[this.next++] as Bucket).gradients)
  }

  /** What is left is nobody's. */
  drop(): void {
    this.give = null
  }

  dispose(): void {
    for (const { gradients } of this.all) gradients.dispose()
  }
}
