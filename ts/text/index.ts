export { Tokenizer, type ReplaceUnknown } from './tokenizer'
export type { BpeOptions, LearnOptions, WordOptions } from './learning'
export type { SpacesOptions, Texts } from './vocabulary'
export { readBytes, readLines, readText } from './read'
