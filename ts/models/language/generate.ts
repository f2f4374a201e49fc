/** Text, token by token. No gradients are recorded. */
import type { Sampler } from '../../decode/sampler'
import { expect } from '../../errors'
import type { RecurrentState } from '../../nn'
import { noGrad, scope, tensor, type Tensor } from '../../tensor'
import * as ops from '../../ops'
import { Pauses } from '../../pauses'
import type { Tokenizer } from '../../text'
import { Derived } from '../parts/derived'
import { detachState, disposeState } from '../parts/stack'
import type { LanguageNetwork, Tables } from './network'

/**
 * Reads ids, [time, 1], and chooses what follows the last one, [1, 1], never `banned`. The network is in
 * inference mode, and nothing is recorded.
 */
function advance(
  network: LanguageNetwork,
  ids: Tensor,
  carried: RecurrentState | null,
  first: number,
  tables: Tables | null,
  sampler: Sampler,
  banned: number | null,
): { chosen: Tensor<'i32'>; state: RecurrentState } {
  return scope(() => {
    const { output, state } = network.forward(ids, carried, first, tables)
    const steps = ids.shape[0] as number
    const last = steps > 1 ? output.slice(steps - 1, 1) : output
    const { tokens } = ops.sampleTokens(network.output.forward(last.reshape(1, -1)), {
      ...sampler.options,
      uniforms: [sampler.uniform()],
      penalties: banned === null ? null : { rows: [0], tokens: [banned], values: [-Infinity] },
    })
    return { chosen: tokens.reshape(1, 1), state: detachState(state) }
  })
}

/**
 * Steps that are begun, and read, together: while JavaScript runs it takes a core from those who compute,
 * so it does so seldom.
 */
const STEPS_AT_ONCE = 16

/** Products of many rows at once that take about as long as that of one row. */
const PRODUCTS_A_STEP = 8

/**
 * {@link LanguageNetwork.tables} for so many tokens, for as long as the weights are those they were made from; null where
 * that costs more than to multiply what is read.
 */
function tablesOf(
  network: LanguageNetwork,
  length: number,
): Derived<Tables & { dispose(): void }> | null {
  const { embedding, positions, rnn } = network
  const pays = (rows: number) => rows <= PRODUCTS_A_STEP * length
  if (!pays(embedding.weight.shape[0] as number)) return null
  const weights = [embedding.weight, rnn.parameter('weight_ih_l0') as Tensor]
  return new Derived(positions ? [...weights, positions.table] : weights, () => {
    const tables = noGrad(() => network.tables(pays(positions?.limit ?? 0)))
    const dispose = () => {
      tables.tokens.dispose()
      tables.positions?.dispose()
    }
    return { ...tables, dispose }
  })
}

/** Pieces of text as tokens are chosen. `<unk>` never is. */
export async function* generatePieces(
  network: LanguageNetwork,
  tokenizer: Tokenizer,
  text: string,
  length: number,
  sampler: Sampler,
  checkGoing: () => void,
): AsyncGenerator<string, void, void> {
  const writable = tokenizer.size - (tokenizer.unknown === null ? 0 : 1)
  expect(
    'generate',
    'tokenizer',
    writable > 0,
    'a token besides <unk>, which is not written',
    'none',
  )
  const given = await tokenizer.encodeInStretches(text)
  const prompt = given.length > 0 ? given : Int32Array.of(tokenizer.lineEnd ?? tokenizer.size - 1)
  checkGoing()
  const decoder = tokenizer.decoder()
  // The joiner must know the prompt's end, to space the first word.
  const pauses = new Pauses()
  for (const id of prompt) {
    decoder.write(id)
    if (pauses.due) await pauses.pause()
  }
  checkGoing()
  const { device } = network.output.weight
  let ids = tensor(prompt, [prompt.length, 1], { device })
  let state: RecurrentState | null = null
  let read = 0
  const tables = tablesOf(network, length)
  const begin = (steps: number): Promise<ArrayLike<number>> => {
    // A fit may go on between two steps.
    const lookedUp = tables?.current() ?? null
    network.eval()
    const next = scope(() =>
      noGrad(() => {
        const chosen: Tensor[] = []
        let last = { chosen: ids, state }
        for (let i = 0; i < steps; ++i) {
          const { chosen: ids, state } = last
          last = advance(network, ids, state, read, lookedUp, sampler, tokenizer.unknown)
          read += ids.shape[0] as number
          chosen.push(last.chosen)
        }
        return { all: ops.concat(chosen, 0), ids: last.chosen, state: last.state }
      }),
    )
    ids.dispose()
    disposeState(state)
    ;({ ids, state } = next)
    const { all } = next
    const reading = all.data().finally(() => all.dispose())
    reading.catch(() => undefined) // it may never be waited for
    return reading
  }
  try {
    const readings: Promise<ArrayLike<number>>[] = []
    for (let begun = 0, written = 0; written < length;) {
      checkGoing()
      for (let steps = 0; begun < length && readings.length < 2; begun += steps) {
        steps = Math.min(STEPS_AT_ONCE, length - begun)
        readings.push(begin(steps))
      }
      for (const id of Array.from((await readings.shift()) as ArrayLike<number>)) {
        checkGoing()
        const piece = decoder.write(id)
        ++written
        if (piece !== '') yield piece
      }
    }
    const rest = decoder.end()
    if (rest !== '') yield rest
  } finally {
    tables?.dispose()
    ids.dispose()
    disposeState(state)
  }
}
