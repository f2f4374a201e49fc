import { RnnativeError } from '../../errors'
import { SafetensorsFile } from '../../io/safetensors'
import { CONFIG_FILE } from '../../io/model-directory'
import type { HostTensor } from '../../nn'
import { Pauses } from '../../pauses'
import type { Estimated } from './estimate'
import { NgramTable, ROOT } from './table'

/** Nodes that are read without a pause. */
const STRETCH = 1 << 14

const NAMES = ['parent', 'word', 'suffix', 'log_probability', 'log_backoff'] as const

/** Words of the longest n-grams that were looked for: a short text has none of them. Earlier versions did not write it. */
const ORDER = 'order'

/** What a file holds of the nodes: unigrams by their ids, and those above, each after what it is made of. */
export function tensorsOf(
  { table, logProbability, logBackoff }: Estimated,
  order: number,
): Map<string, HostTensor> {
  const { size } = table
  const all = [table.parent, table.word, table.suffix, logProbability, logBackoff]
  const nodes = NAMES.map((name, i): [string, HostTensor] => [
    name,
    { shape: [size], data: (all[i] as Int32Array | Float32Array).subarray(0, size) },
  ])
  return new Map([...nodes, [ORDER, { shape: [1], data: Int32Array.of(order) }]])
}

/** Reads them; `ERR_FORMAT` for what is no such table. */
export async function readEstimated(
  path: string,
  words: number,
  order: number,
): Promise<Estimated> {
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[load] ${path}: ${problem}`)
  const file = await SafetensorsFile.open(path)
  try {
    const read = async (name: (typeof NAMES)[number]) => {
      if (!file.shapes.has(name)) throw fail(`${name}: missing`)
      return (await file.read(name)).data
    }
    const learned = file.shapes.has(ORDER) ? (await file.read(ORDER)).data[0] : order
    if (learned !== order)
      throw fail(
        `n-grams of up to ${learned} words: expected ${order}, the order of ${CONFIG_FILE}`,
      )
    const parent = await read('parent')
    const { length } = parent
    const [word, suffix] = [await read('word'), await read('suffix')]
    const logProbability = await read('log_probability')
    const logBackoff = await read('log_backoff')
    const alike = [word, suffix, logProbability, logBackoff].every((one) => one.length === length)
    if (!alike || length < 1 + words)
      throw fail(`expected at least ${1 + words} nodes in all tensors`)
    const table = new NgramTable(words)
    const pauses = new Pauses()
    for (let node = 1; node < length; ++node) {
      if (node % STRETCH === 0 && pauses.due) await pauses.pause()
      const [up, id, tail] = [parent[node] as number, word[node] as number, suffix[node] as number]
      const within = (x: number, below: number) => Number.isInteger(x) && x >= 0 && x < below
      const finite = (logProbability[node] as number) <= 0 && Number.isFinite(logBackoff[node])
      if (!finite) throw fail(`node ${node}: expected finite logarithms`)
      if (node <= words) continue
      const valid =
        within(up, node) &&
        within(id, words) &&
        within(tail, node) &&
        up !== ROOT &&
        (table.order[up] as number) < order &&
        (table.order[tail] as number) <= (table.order[up] as number)
      if (!valid || table.enter(up, id, tail) !== node) throw fail(`node ${node}: is out of place`)
    }
    return {
      table,
      logProbability: Float32Array.from(logProbability),
      logBackoff: Float32Array.from(logBackoff),
    }
  } finally {
    await file.close()
  }
}
