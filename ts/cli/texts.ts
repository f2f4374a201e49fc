import { readBytes, readText, Tokenizer } from '../text'

export type Unit = 'char' | 'word' | 'byte'

/** A text file: as a string, or as token ids where tokens are bytes (it need not be UTF-8 then). */
export async function readInput(path: string, bytes: boolean): Promise<string | Int32Array> {
  return bytes ? Int32Array.from(await readBytes(path)) : readText(path)
}

export function makeTokenizer(unit: Unit, text: string | Int32Array): Tokenizer {
  if (typeof text !== 'string') return Tokenizer.bytes()
  return unit === 'word' ? Tokenizer.words(text) : Tokenizer.characters(text)
}
