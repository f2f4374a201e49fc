/** What texts have of probability. No gradients are recorded, and every window is awaited. */
import { ALONE, evaluationWindows, IGNORED, layOut } from '../../data'
import type { EvaluationWindow, Share, Window } from '../../data'
import type { RecurrentState } from '../../nn'
import { countCharacters } from '../../metrics/language'
import { Pauses } from '../../pauses'
import { noGrad, scope, tensor, type Tensor } from '../../tensor'
import type { Tokenizer } from '../../text'
import { sendInputs } from '../../train/objective'
import { detachState, disposeState } from '../parts/stack'
import type { LanguageNetwork } from './network'

const WINDOW = 64

/** Scores all tokens but the first, window by window. */
async function eachWindow(
  network: LanguageNetwork,
  tokens: Int32Array,
  checkGoing: () => void,
  take: (losses: ArrayLike<number>, window: EvaluationWindow) => void,
  share: Share,
): Promise<void> {
  let state: RecurrentState | null = null
  try {
    for (const window of evaluationWindows(tokens, WINDOW, share)) {
      checkGoing()
      const scored = score(network, window, state)
      disposeState(state)
      state = scored.state
      try {
        take(await scored.losses.data(), window)
      } finally {
        scored.losses.dispose()
      }
    }
  } finally {
    disposeState(state)
  }
}

/** The sum over all tokens but the first, or those that are a rank's share, of their negative log-likelihood. */
export async function totalNats(
  network: LanguageNetwork,
  tokens: Int32Array,
  checkGoing: () => void,
  share: Share = ALONE,
): Promise<number> {
  let total = 0
  const take = (losses: ArrayLike<number>) => {
    // Summed here, in double.
    for (let i = 0; i < losses.length; ++i) total += losses[i] as number
  }
  await eachWindow(network, tokens, checkGoing, take, share)
  return total
}

/** The negative log-likelihood of each token; NaN of the first, which nothing precedes. */
export async function tokenNats(
  network: LanguageNetwork,
  tokens: Int32Array,
  checkGoing: () => void,
): Promise<Float64Array> {
  const nats = new Float64Array(tokens.length).fill(NaN)
  const take = (losses: ArrayLike<number>, { targets, rows, places }: EvaluationWindow) => {
    for (let i = 0; i < losses.length; ++i)
      if (targets[i] !== IGNORED)
        nats[(places[i % rows] as number) + Math.floor(i / rows) + 1] = losses[i] as number
  }
  await eachWindow(network, tokens, checkGoing, take, ALONE)
  return nats
}

function score(
  network: LanguageNetwork,
  { begin, steps, rows, inputs, targets }: Window,
  carried: RecurrentState | null,
): { losses: Tensor; state: RecurrentState } {
  return scope(() =>
    noGrad(() => {
      const { device } = network.eval()
      const ids = tensor(inputs, [steps, rows], { device })
      const { output, state } = network.forward(ids, carried, begin)
      const wanted = sendInputs(network.targetInputs(targets, [steps, rows]), device)
      return { losses: network.losses(output, wanted), state: detachState(state) }
    }),
  )
}

/** What is counted without a pause. */
const STRETCH = 1 << 14

/** Code points of a text, with pauses. */
export function* charactersIn(text: string): Generator<void, number> {
  let count = 0
  for (let begin = 0, end: number; begin < text.length; begin = end) {
    end = begin + STRETCH
    if ((text.codePointAt(end - 1) ?? 0) > 0xffff) ++end // not between the halves of a pair
    count += countCharacters(text.slice(begin, end))
    yield
  }
  return count
}

/** Code points of the text that these tokens are, with pauses. */
export function* charactersOf(tokenizer: Tokenizer, tokens: Int32Array): Generator<void, number> {
  const decoder = tokenizer.decoder()
  let count = 0
  for (const [at, id] of tokens.entries()) {
    count += countCharacters(decoder.write(id))
    if (at % STRETCH === 0) yield
  }
  return count + countCharacters(decoder.end())
}

/** Texts that are scored at a time. */
const SCORED_TEXTS = 64

function between(end: number, ids: Int32Array): Int32Array {
  const all = new Int32Array(ids.length + 2).fill(end)
  all.set(ids, 1)
  return all
}

/**
 * What each text has of probability as a line: of its tokens and the line end after them, given a line
 * end before. Where the tokenizer has none, the first token is given and nothing follows. In nats.
 */
export async function lineNats(
  network: LanguageNetwork,
  tokenizer: Tokenizer,
  texts: readonly string[],
): Promise<number[]> {
  const end = tokenizer.lineEnd
  const pauses = new Pauses()
  const nats: number[] = []
  for (let first = 0; first < texts.length; first += SCORED_TEXTS) {
    const batch: Int32Array[] = []
    for (const text of texts.slice(first, first + SCORED_TEXTS)) {
      const ids = await tokenizer.encodeInStretches(text)
      batch.push(end === undefined ? ids : between(end, ids))
    }
    if (pauses.due) await pauses.pause()
    const { steps, ids: inputs } = layOut(batch.map((line) => line.subarray(0, -1)))
    const { ids: targets } = layOut(
      batch.map((line) => line.subarray(1)),
      IGNORED,
    )
    const rows = batch.length
    const sums = new Float64Array(rows)
    if (steps > 0) {
      const { losses, state } = score(network, { begin: 0, steps, rows, inputs, targets }, null)
      disposeState(state)
      const values = await losses.data().finally(() => losses.dispose())
      values.forEach((loss: number, i: number) => (sums[i % rows]! += loss))
    }
    nats.push(...sums)
  }
  return nats
}
