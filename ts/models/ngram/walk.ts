/** Walks along a text: a state is the node of the longest known n-gram that may still be continued. */
import type { Estimated } from './estimate'
import { ROOT } from './table'

export class Walker {
  /** Base 10, of the last {@link step}. */
  logProbability = 0
  /** Words of the n-gram that it was found as. */
  length = 0
  private children: Children | null = null

  constructor(
    readonly model: Estimated,
    readonly order: number,
  ) {}

  /** The state after a word; {@link logProbability} is that of the word in the state before. */
  step(state: number, word: number): number {
    const { table, logProbability, logBackoff } = this.model
    let paid = 0
    for (;;) {
      const node = table.find(state, word)
      if (node >= 0) {
        const length = table.order[node] as number
        this.logProbability = paid + (logProbability[node] as number)
        this.length = length
        return length === this.order ? (table.suffix[node] as number) : node
      }
      paid += logBackoff[state] as number
      state = table.suffix[state] as number
    }
  }

  /** Probabilities of all words in a state; that of the begin of sentences, which never follows, is 0. */
  distribution(state: number, begin: number, into: Float64Array): void {
    this.logDistribution(state, begin, into)
    for (const [word, value] of into.entries()) into[word] = 10 ** value
  }

  /** The same as logarithms, base 10. */
  logDistribution(state: number, begin: number, into: Float64Array): void {
    const { table, logProbability, logBackoff } = this.model
    this.children ??= childrenOf(this.model)
    const contexts: number[] = []
    for (let node = state; node !== ROOT; node = table.suffix[node] as number) contexts.push(node)
    for (let word = 0; word < table.words; ++word) into[word] = logProbability[1 + word] as number
    into[begin] = -Infinity
    for (const context of contexts.reverse()) {
      const [from, to] = [this.children.begin[context]!, this.children.begin[context + 1]!]
      if (from === to) continue
      const paid = logBackoff[context] as number
      for (let word = 0; word < table.words; ++word) into[word]! += paid
      for (let i = from; i < to; ++i) {
        const node = this.children.nodes[i] as number
        into[table.word[node] as number] = logProbability[node] as number
      }
    }
  }
}

/** The nodes below each node: those of node n are `nodes[begin[n]]` up to `nodes[begin[n + 1]]`. */
interface Children {
  begin: Uint32Array
  nodes: Uint32Array
}

function childrenOf({ table }: Estimated): Children {
  const begin = new Uint32Array(table.size + 2)
  for (let node = 1 + table.words; node < table.size; ++node)
    begin[(table.parent[node] as number) + 2]!++
  for (let node = 1; node < begin.length; ++node) begin[node]! += begin[node - 1] as number
  const nodes = new Uint32Array(table.size)
  for (let node = 1 + table.words; node < table.size; ++node)
    nodes[begin[(table.parent[node] as number) + 1]!++] = node
  return { begin, nodes }
}
