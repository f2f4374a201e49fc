import {
  checkChoice,
  checkGoing,
  checkSignal,
  checkWhole,
  optionsOf,
  type Names,
} from '../../check'
import { Pauses } from '../../pauses'
import type { AbortSignalLike } from '../../signal'
import { choose, sentencesOf, type Summary, type SummaryDocument } from './documents'
import { RANK_METHODS, rankSentences, type RankMethod } from './rank'

/** How long a summary is. */
export interface SummaryOptions {
  /** Sentences of a summary, at most. Default 1. */
  sentences?: number | undefined
  /** Ends the call with `ERR_ABORTED`. */
  signal?: AbortSignalLike | undefined
}

/** Options of {@link summarize}. */
export interface SummarizeOptions extends SummaryOptions {
  /** What a sentence is chosen by. Default `textrank`. */
  method?: RankMethod | undefined
}

export const SUMMARY_NAMES: Names<SummaryOptions> = { sentences: true, signal: true }

/**
 * Summaries of documents by their own sentences, without training. `textrank` takes those that share words with many
 * others (Mihalcea & Tarau 2004), `lexrank` the same by TF-IDF (Erkan & Radev 2004), `tfidf` those nearest to the whole,
 * `lead` the first. What is rare is reckoned within each document, so that a summary depends on nothing else.
 *
 *     const [{ summary }] = await summarize([article], { method: 'lexrank', sentences: 3 })
 *
 * Texts are cut into sentences by `Intl.Segmenter`; lists are taken as they are. The event loop stays free.
 */
export async function summarize(
  documents: readonly SummaryDocument[],
  options: SummarizeOptions = {},
): Promise<Summary[]> {
  const op = 'summarize'
  const {
    method = 'textrank',
    sentences: count = 1,
    signal,
  } = optionsOf(op, options, { ...SUMMARY_NAMES, method: true })
  checkChoice(op, 'method', method, RANK_METHODS)
  checkWhole(op, 'sentences', count, 1)
  checkSignal(op, signal)
  const pauses = new Pauses()
  const made: Summary[] = []
  for (const sentences of await sentencesOf(op, documents, pauses)) {
    checkGoing(op, signal)
    made.push(choose(sentences, await rankSentences(op, sentences, method, pauses), count))
    if (pauses.due) await pauses.pause()
  }
  return made
}
