/** The namespace `data`: examples in batches, for a `Trainer`. */
export { batches, type BatchesOptions, type Examples } from './batches'
export { collate, pad, type Collated, type Padded, type PadOptions } from './collate'
export { convertTags, parseConll, readConll, toConll } from './conll'
export type { ConllOptions, TaggedSentence } from './conll'
export type { Feed, Portion, Share } from './feed'
export type { OnDevice } from './tree'
