import type { Pair } from '../../data'
import { gatherConversations, type Conversations } from '../../data/dialogues'
import { pairsOf, withBlank } from './turns'

/** Pairs of conversations for a `Seq2Seq`; with answers alone where `blank` is above 0. */
export async function* conversationPairs(
  op: string,
  conversations: Conversations,
  context: number,
  blank = 0,
): AsyncGenerator<Pair> {
  yield* withBlank(pairsOf(await gatherConversations(op, conversations), context), blank)
}
