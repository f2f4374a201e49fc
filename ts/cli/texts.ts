/** Texts that commands read, and what their tokens are. */
import type { Readable } from 'node:stream'
import { readBytes, readText, Tokenizer } from '../text'

/** What a token may be; `byte` is for texts that are no UTF-8, too. */
export type Unit = 'char' | 'word' | 'byte' | 'space' | 'bpe'

/** A text file: as a string, or as token ids where tokens are bytes (it need not be UTF-8 then). */
export async function readInput(path: string, unit: Unit): Promise<string | Int32Array> {
  return unit === 'byte' ? Int32Array.from(await readBytes(path)) : readText(path)
}

/** A tokenizer learned from texts. `vocabulary`: the most tokens, of the units that choose theirs. */
export function makeTokenizer(
  unit: Unit,
  texts: readonly string[],
  vocabulary: number | undefined,
): Tokenizer {
  switch (unit) {
    case 'byte':
      return Tokenizer.bytes()
    case 'char':
      return Tokenizer.characters(texts)
    case 'word':
      return Tokenizer.words(texts, { vocabulary })
    case 'space':
      return Tokenizer.spaces(texts, { vocabulary })
    case 'bpe':
      return Tokenizer.bpe(texts, { vocabulary })
  }
}

/** Most lines that are taken together. */
const CHUNK = 1024

/**
 * The lines that have arrived when the last ones were dealt with: one by one at a terminal. They end
 * with `\n` or `\r\n`, as those of files do; a byte-order mark is dropped.
 */
export async function* chunksOfLines(input: Readable): AsyncGenerator<string[], void, void> {
  let wake = (): void => undefined
  let failure: Error | null = null
  const heard = () => wake()
  input.setEncoding('utf8')
  input.on('readable', heard).on('end', heard)
  input.on('error', (error) => {
    failure = error
    wake()
  })
  let [rest, begun] = ['', false]
  try {
    while (!input.readableEnded) {
      const piece = input.read() as string | null
      if (piece === null) {
        await new Promise<void>((resolve) => (wake = resolve))
        if (failure !== null) throw failure as Error
        continue
      }
      const lines = (rest + (begun ? piece : piece.replace(/^\ufeff/, ''))).split('\n')
      begun = true
      rest = lines.pop() as string
      while (lines.length > 0) yield lines.splice(0, CHUNK).map((line) => line.replace(/\r$/, ''))
    }
    if (rest !== '') yield [rest]
  } finally {
    input.destroy() // else the process waits for its end
  }
}
