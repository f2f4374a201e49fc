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
 * Reads ids, [time, rows], and chooses what follows the last of each row, [1, rows], never `banned`. The network is in
 * inference mode, and nothing is recorded.
 */
function advance(
  network: LanguageNetwork,
  ids: Tensor,
  carried: RecurrentState | null,
  first: number,
  tables: Tables | null,
  samplers: readonly Sampler[],
  banned: number | null,
): { chosen: Tensor<'i32'>; state: RecurrentState } {
  return scope(() => {
    const { output, state } = network.forward(ids, carried, first, tables)
    const [steps, rows] = ids.shape as [number, number]
    const last = steps > 1 ? output.slice(steps - 1, 1) : output
    const all = Array.from(samplers.keys())
    const { tokens } = ops.sampleTokens(network.output.forward(last.reshape(rows, -1)), {
      ...(samplers[0] as Sampler).options,
      uniforms: samplers.map((sampler) => sampler.uniform()),
      penalties:
        banned === null
          ? null
          : { rows: all, tokens: all.map(() => banned), values: all.map(() => -Infinity) },
    })
    return { chosen: tokens.reshape(1, rows), state: detachState(state) }
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

/** Texts in the making, a row each: what is to be read next, and the state before it. */
class Writing {
  /** Tokens that were read. */
  private read = 0

  constructor(
    private readonly network: LanguageNetwork,
    private readonly banned: number | null,
    private readonly samplers: readonly Sampler[],
    private readonly tables: ReturnType<typeof tablesOf>,
    private ids: Tensor,
    private state: RecurrentState | null = null,
  ) {}

  /** Begins so many steps; their tokens, step by step. */
  begin(steps: number): Promise<ArrayLike<number>> {
    const { network, ids, state } = this
    // A fit may go on between two steps.
    const lookedUp = this.tables?.current() ?? null
    network.eval()
    const next = scope(() =>
      noGrad(() => {
        const chosen: Tensor[] = []
        let last = { chosen: ids, state }
        for (let i = 0; i < steps; ++i) {
          const { chosen: read, state } = last
          last = advance(network, read, state, this.read, lookedUp, this.samplers, this.banned)
          this.read += read.shape[0] as number
          chosen.push(last.chosen)
        }
        return { all: ops.concat(chosen, 0), ids: last.chosen, state: last.state }
      }),
    )
    this.dispose()
    ;({ ids: this.ids, state: this.state } = next)
    const { all } = next
    const reading = all.data().finally(() => all.dispose())
    reading.catch(() => undefined) // it may never be waited for
    return reading
  }

  /** One that goes on with the rows of several. */
  static joined(all: readonly Writing[]): Writing {
    const [first] = all as readonly [Writing]
    if (all.length === 1) return first
    const { network, banned, tables } = first
    const samplers = all.flatMap((one) => one.samplers)
    const { ids, state } = scope(() =>
      noGrad(() => {
        const rows = (of: (state: RecurrentState) => Tensor) =>
          ops.concat(
            all.map(({ state }) => of(state as RecurrentState)),
            1,
          )
        const h = rows(({ h }) => h)
        const c = first.state?.c && rows(({ c }) => c as Tensor)
        const ids = ops.concat(
          all.map((one) => one.ids),
          1,
        )
        return { ids, state: { h, ...(c && { c }) } }
      }),
    )
    for (const one of all) one.dispose()
    return new Writing(network, banned, samplers, tables, ids, state)
  }

  dispose(): void {
    this.ids.dispose()
    disposeState(this.state)
  }
}

/** The tokens of that many steps, a list for each, begun ahead of those that are read. */
async function* stepsOf(
  writing: Writing,
  length: number,
  checkGoing: () => void,
): AsyncGenerator<ArrayLike<number>, void, void> {
  const readings: Promise<ArrayLike<number>>[] = []
  for (let begun = 0, written = 0; written < length;) {
    checkGoing()
    while (begun < length && readings.length < 2) {
      const steps = Math.min(STEPS_AT_ONCE, length - begun)
      readings.push(writing.begin(steps))
      begun += steps
    }
    const ids = Array.from((await readings.shift()) as ArrayLike<number>)
    const steps = Math.min(STEPS_AT_ONCE, length - written)
    const rows = ids.length / steps
    for (let step = 0; step < steps; ++step, ++written) {
      checkGoing()
      yield ids.slice(step * rows, (step + 1) * rows)
    }
  }
}

/** What is read first, and a decoder that knows it: to space the first word it must know the prompt's end. */
async function open(tokenizer: Tokenizer, text: string, checkGoing: () => void) {
  const writable = tokenizer.size - (tokenizer.unknown === null ? 0 : 1)
  const expected = 'a token besides <unk>, which is not written'
  expect('generate', 'tokenizer', writable > 0, expected, 'none')
  const given = await tokenizer.encodeInStretches(text)
  const prompt = given.length > 0 ? given : Int32Array.of(tokenizer.lineEnd ?? tokenizer.size - 1)
  checkGoing()
  const decoder = tokenizer.decoder()
  const pauses = new Pauses()
  for (const id of prompt) {
    decoder.write(id)
    if (pauses.due) await pauses.pause()
  }
  checkGoing()
  return { prompt, decoder }
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
  const { prompt, decoder } = await open(tokenizer, text, checkGoing)
  const { device } = network
  const ids = tensor(prompt, [prompt.length, 1], { device })
  const tables = tablesOf(network, length)
  const writing = new Writing(network, tokenizer.unknown, [sampler], tables, ids)
  try {
    for await (const [id] of stepsOf(writing, length, checkGoing) as AsyncIterable<number[]>) {
      const piece = decoder.write(id as number)
      if (piece !== '') yield piece
    }
    const rest = decoder.end()
    if (rest !== '') yield rest
  } finally {
    tables?.dispose()
    writing.dispose()
  }
}

/**
 * Whole texts: each prompt is read by itself, and then all of them take their steps together. Only for networks without
 * positions, to which steps of prompts of different lengths are different.
 */
export async function generateTogether(
  network: LanguageNetwork,
  tokenizer: Tokenizer,
  texts: readonly string[],
  length: number,
  samplers: readonly Sampler[],
  checkGoing: () => void,
): Promise<string[]> {
  if (length === 0 || texts.length === 0) return texts.map(() => '')
  const opened: Awaited<ReturnType<typeof open>>[] = []
  for (const text of texts) opened.push(await open(tokenizer, text, checkGoing))
  const { device } = network
  const tables = tablesOf(network, length * texts.length)
  let all = opened.map(({ prompt }, i) => {
    const ids = tensor(prompt, [prompt.length, 1], { device })
    return new Writing(network, tokenizer.unknown, [samplers[i] as Sampler], tables, ids)
  })
  const written = texts.map(() => '')
  const write = (tokens: ArrayLike<number>) =>
    opened.forEach(({ decoder }, row) => (written[row] += decoder.write(tokens[row] as number)))
  try {
    const firsts = await Promise.all(all.map((one) => one.begin(1)))
    write(firsts.map((one) => one[0] as number))
    const together = Writing.joined(all)
    all = [together]
    for await (const tokens of stepsOf(together, length - 1, checkGoing)) write(tokens)
    return written.map((text, row) => text + (opened[row]?.decoder.end() ?? ''))
  } finally {
    tables?.dispose()
    for (const one of all) one.dispose()
  }
}
