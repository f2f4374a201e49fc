export {
  Tokenizer,
  type BpeOptions,
  type ReplaceUnknown,
  type SpacesOptions,
  type Texts,
  type WordOptions,
} from './tokenizer'
export { readBytes, readLines, readText } from './read'
