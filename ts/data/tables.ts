/** Tables, labelled texts and conversations of files, and how they are parted: public by these names. */
export { readVectorPairs } from './vector-pairs'
export type { VectorSequence } from './vectors'
export { readDialogues, type Conversation, type DialogueTableOptions } from './dialogues'
export { readLabelled, type Labelled, type LabelledOptions } from './labelled'
export { readSummaries, type SummariesOptions, type Summarized } from './summaries'
export { splitExamples, type Split, type SplitOptions } from './split'
export {
  readTable,
  type Table,
  type Column,
  type Columns,
  type TableOptions,
  type TableRow,
} from './table'
