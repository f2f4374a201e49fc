import type { Tensor } from '../../tensor'

/** What is computed from weights, and computed again once they have changed, as a fit changes them. */
export class Derived<T extends { dispose(): void }> {
  private made: { value: T; from: string } | null = null

  constructor(
    private readonly weights: readonly Tensor[],
    private readonly make: () => T,
  ) {}

  /**
   * Of the weights as all ops submitted so far leave them; valid until the next call. Not to be called
   * within a scope, which would dispose it.
   */
  current(): T {
    const from = this.weights.map((weight) => weight.written()).join()
    if (this.made?.from === from) return this.made.value
    this.dispose()
    const value = this.make()
    this.made = { value, from }
    return value
  }

  dispose(): void {
    this.made?.value.dispose()
    this.made = null
  }
}
