/** What is read of a conversation, as one text. */
import { isListOf } from '../../check'
import type { Pair } from '../../data'
import type { Conversation } from '../../data/dialogues'
import { expect } from '../../errors'

/** Turns are parted by line ends, so that one has none itself. */
const turnOf = (text: string): string => text.replace(/\s*[\r\n]+\s*/g, ' ').trim()

/** The last turns: what is answered, and so many before it. */
export const sourceOf = (turns: Conversation, context: number): string =>
  turns
    .slice(-(context + 1))
    .map(turnOf)
    .join('\n')

/** What was said and its answer, for every turn but the first. */
export const pairsOf = (conversations: readonly Conversation[], context: number): Pair[] =>
  conversations.flatMap((turns) =>
    turns
      .slice(1)
      .map((answer, i): Pair => [sourceOf(turns.slice(0, i + 1), context), turnOf(answer)]),
  )

/** What is answered somewhere, each once, and all answers that it gets. */
export function answersTo(
  conversations: readonly Conversation[],
  context: number,
): { lines: Conversation[]; answers: string[][] } {
  const found = new Map<string, { turns: Conversation; answers: string[] }>()
  for (const turns of conversations)
    for (const [i, answer] of turns.slice(1).entries()) {
      const before = turns.slice(0, i + 1)
      const source = sourceOf(before, context)
      const known = found.get(source) ?? { turns: before, answers: [] }
      known.answers.push(turnOf(answer))
      found.set(source, known)
    }
  const all = [...found.values()]
  return { lines: all.map(({ turns }) => turns), answers: all.map(({ answers }) => answers) }
}

/** With a share of the answers alone, from everywhere in the list. */
export const withBlank = (pairs: readonly Pair[], share: number): Pair[] =>
  pairs.flatMap((pair, i): Pair[] =>
    Math.floor((i + 1) * share) > Math.floor(i * share) ? [pair, ['', pair[1]]] : [pair],
  )

/** Sources of conversations that are to go on; a line is one by itself. `ERR_ARGUMENT`. */
export function openSources(
  op: string,
  given: readonly (string | Conversation)[],
  context: number,
): string[] {
  const isText = (x: unknown) => typeof x === 'string'
  const isTurns = (x: unknown) => isListOf(x, isText) && (x as unknown[]).length > 0
  expect(op, 'lines', Array.isArray(given), 'a list of lines, or of lists of turns', given)
  return given.map((one, i) => {
    expect(op, `lines[${i}]`, isText(one) || isTurns(one), 'a line, or a list of turns', one)
    return sourceOf(typeof one === 'string' ? [one] : one, context)
  })
}

/** All turns as one text, parted as they are read: what tokens are learned from. */
export const textOf = (conversations: readonly Conversation[]): string[] =>
  conversations.map((turns) => `${turns.map(turnOf).join('\n')}\n`)
