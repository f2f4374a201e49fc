export { Tokenizer, type BpeOptions, type ReplaceUnknown, type WordOptions } from './tokenizer'
export type { SpacesOptions, Texts } from './vocabulary'
export { readBytes, readLines, readText } from './read'
