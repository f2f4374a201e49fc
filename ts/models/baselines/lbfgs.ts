/**
 * Limited-memory BFGS (Liu & Nocedal 1989) over a flat array, with backtracking; with an L1 penalty the orthant-wise
 * variant (OWL-QN, Andrew & Gao 2007), whose steps end where a weight would change its sign. Yields once an evaluation, so
 * that others may have the event loop.
 */

export interface Problem {
  size: number
  /** The value at `x`; writes the gradient. */
  evaluate: (x: Float64Array, gradient: Float64Array) => Generator<void, number>
  /** Strength of the L1 penalty of each number of x; none where it is 0. */
  l1?: ((i: number) => number) | undefined
}

export interface Limits {
  iterations: number
  /** Ends where no entry of the gradient is larger. */
  tolerance: number
}

/** Steps that are remembered. */
const MEMORY = 10
const MOST_TRIES = 30

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; ++i) sum += (a[i] as number) * (b[i] as number)
  return sum
}

function addTo(a: Float64Array, b: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; ++i) a[i]! += factor * (b[i] as number)
}

/** Minimises from `x` on, in place. Gives the number of iterations. */
export function* minimise(
  problem: Problem,
  x: Float64Array,
  limits: Limits,
): Generator<void, number> {
  const { size, evaluate, l1 } = problem
  const penalty = (at: Float64Array): number => {
    let sum = 0
    if (l1) for (let i = 0; i < size; ++i) sum += l1(i) * Math.abs(at[i] as number)
    return sum
  }
  let gradient = new Float64Array(size)
  let value = (yield* evaluate(x, gradient)) + penalty(x)
  const steps: { s: Float64Array; y: Float64Array; rho: number }[] = []
  for (let iteration = 0; iteration < limits.iterations; ++iteration) {
    const slope = l1 ? pseudoGradient(x, gradient, l1) : gradient
    if (slope.every((g) => Math.abs(g) <= limits.tolerance)) return iteration
    const direction = directionOf(slope, steps)
    // No step leads where the penalty's slope leads elsewhere.
    if (l1) for (let i = 0; i < size; ++i) if (direction[i]! * slope[i]! >= 0) direction[i] = 0
    const expected = dot(direction, slope)
    let length = steps.length === 0 ? 1 / Math.max(1, Math.sqrt(dot(slope, slope))) : 1
    const next = new Float64Array(size)
    const nextGradient = new Float64Array(size)
    let [found, tries] = [false, 0]
    while (!found && ++tries <= MOST_TRIES) {
      for (let i = 0; i < size; ++i) next[i] = (x[i] as number) + length * (direction[i] as number)
      if (l1) stayInOrthant(next, x, slope, l1)
      const reached = (yield* evaluate(next, nextGradient)) + penalty(next)
      found = reached <= value + 1e-4 * length * expected
      if (found) value = reached
      else length /= 2
    }
    if (!found) return iteration
    const s = next.slice()
    addTo(s, x, -1)
    const y = nextGradient.slice()
    addTo(y, gradient, -1)
    const curvature = dot(s, y)
    if (curvature > 1e-12 * dot(y, y)) steps.push({ s, y, rho: 1 / curvature })
    if (steps.length > MEMORY) steps.shift()
    x.set(next)
    gradient = nextGradient
  }
  return limits.iterations
}

/** -H g of the remembered steps, by two loops. */
function directionOf(
  gradient: Float64Array,
  steps: readonly { s: Float64Array; y: Float64Array; rho: number }[],
): Float64Array {
  const direction = gradient.slice()
  const alphas: number[] = []
  for (const { s, y, rho } of steps.toReversed()) {
    const alpha = rho * dot(s, direction)
    alphas.push(alpha)
    addTo(direction, y, -alpha)
  }
  const last = steps.at(-1)
  const scale = last ? 1 / (last.rho * dot(last.y, last.y)) : 1
  for (let i = 0; i < direction.length; ++i) direction[i]! *= -scale
  for (const { s, y, rho } of steps) {
    const beta = rho * dot(y, direction)
    // The direction is negative by now, and so are its products.
    addTo(direction, s, -(alphas.pop() as number) - beta)
  }
  return direction
}

/** The steepest slope of the value with its penalty; 0 where the penalty keeps a number at 0. */
function pseudoGradient(
  x: Float64Array,
  gradient: Float64Array,
  l1: (i: number) => number,
): Float64Array {
  return gradient.map((g, i) => {
    const [own, strength] = [x[i] as number, l1(i)]
    if (own !== 0) return g + Math.sign(own) * strength
    return g + strength < 0 ? g + strength : g - strength > 0 ? g - strength : 0
  })
}

function stayInOrthant(
  next: Float64Array,
  x: Float64Array,
  slope: Float64Array,
  l1: (i: number) => number,
): void {
  for (let i = 0; i < next.length; ++i) {
    if (l1(i) === 0) continue
    const side = Math.sign(x[i] as number) || -Math.sign(slope[i] as number)
    if ((next[i] as number) * side <= 0) next[i] = 0
  }
}
