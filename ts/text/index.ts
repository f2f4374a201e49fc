export { Tokenizer, type WordOptions } from './tokenizer'
export { readBytes, readText } from './read'
