/** A finished translation, or whatever the model writes. */
export interface Hypothesis {
  /** Without the model's `bos` and `eos`; a forced prefix included. */
  readonly tokens: Int32Array
  /** Natural logarithm of the probability of the tokens and the end, also where that was forced. */
  readonly logProbability: number
  /** Of each token and then of the end, in nats; they sum to `logProbability`. */
  readonly logProbabilities: Float64Array
  /** What hypotheses are ranked by: see `beamSearch`. */
  readonly score: number
  /** Whether the end was forced at `maxLength`. */
  readonly truncated: boolean
  /**
   * For each token and then for the end, the attention over the real positions of the source; null
   * unless asked for.
   */
  readonly alignments: readonly Float32Array[] | null
}

/** A hypothesis while it grows: its last token, and the hypothesis that this one extends. */
export interface Node {
  readonly parent: Node | null
  readonly token: number
  /** Of the token and all before it. */
  readonly logProbability: number
  /** What it competes by while it grows: the same with what is added to it. */
  readonly score: number
  /** Of the step that chose the token, over the real positions of the source. */
  readonly attention: Float32Array | null
  /** The sum of `attention` over this node and all before; null without a coverage penalty. */
  readonly coverage: Float64Array | null
}

/** A node and all before it, in order; the root, which holds `bos`, is left out. */
export function chain(node: Node): Node[] {
  const nodes: Node[] = []
  for (let at = node; at.parent !== null; at = at.parent) nodes.push(at)
  return nodes.reverse()
}

/** The hypothesis that `end`, a node of the end token, completes. */
export function complete(
  end: Node,
  score: number,
  truncated: boolean,
  alignments: boolean,
): Hypothesis {
  const nodes = chain(end)
  return {
    tokens: Int32Array.from(nodes.slice(0, -1), ({ token }) => token),
    logProbability: end.logProbability,
    logProbabilities: Float64Array.from(
      nodes,
      ({ parent, logProbability }) => logProbability - (parent?.logProbability ?? 0),
    ),
    score,
    truncated,
    alignments: alignments ? nodes.map(({ attention }) => attention as Float32Array) : null,
  }
}

/**
 * The tokens that would make an n-gram of the hypothesis occur a second time (Paulus et al. 2018
 * forbid trigrams so).
 */
export function repeats(node: Node, n: number): number[] {
  const tokens = chain(node).map(({ token }) => token)
  const begin = tokens.length - (n - 1)
  if (begin < 0) return []
  const found: number[] = []
  for (let i = 0; i < begin; ++i) {
    let same = 0
    while (same < n - 1 && tokens[i + same] === tokens[begin + same]) ++same
    if (same === n - 1) found.push(tokens[i + n - 1] as number)
  }
  return found
}

/** ((5 + n) / 6)^exponent, by which Wu et al. 2016 (eq. 14) divide the log-probability of n tokens. */
export const lengthDivisor = (n: number, exponent: number): number => ((5 + n) / 6) ** exponent

/** Attention rounded to nothing still leaves a finite penalty: 23 nats a position. */
const LEAST_COVERAGE = 1e-10

/** sum over the source's positions of log(min(coverage, 1)), at most 0 (Wu et al. 2016, eq. 14). */
export const coverageTerm = (coverage: Float64Array): number =>
  coverage.reduce((sum, x) => sum + Math.log(Math.min(Math.max(x, LEAST_COVERAGE), 1)), 0)
