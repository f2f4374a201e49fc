/** Texts that commands read, and what their tokens are. */
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Pair, Source } from '../data'
import { parseConll, type ConllOptions, type TaggedSentence } from '../data/conll'
import { pairLines } from '../data/pair-lines'
import { readVectorPairs } from '../data/vector-pairs'
import { RnnativeError } from '../errors'
import { ioError } from '../io/files'
import { Tokenizer } from '../text'
import { badLine, decodeText, linesOf, readBytes, unpack, withoutReturn } from '../text/read'

/** What a token may be; `byte` is for texts that are no UTF-8, too. */
export type Unit = 'char' | 'word' | 'byte' | 'space' | 'bpe'

/** What stands for standard input where a file is asked for. */
const STDIN = '-'

const nameOf = (path: string): string => (path === STDIN ? 'standard input' : path)

async function bytesOf(path: string): Promise<Uint8Array> {
  if (path !== STDIN) return readBytes(path)
  const bytes = await buffer(process.stdin).catch((error: unknown) => {
    throw ioError('read', nameOf(path), error)
  })
  return unpack(bytes, nameOf(path))
}

async function textOf(path: string): Promise<string> {
  return decodeText(await bytesOf(path), nameOf(path))
}

/** A text file: as a string, or as token ids where tokens are bytes (it need not be UTF-8 then). */
export async function readInput(path: string, unit: Unit): Promise<string | Int32Array> {
  return unit === 'byte' ? new Int32Array(await bytesOf(path)) : textOf(path)
}

/** As `readConll`. */
export async function readTagged(path: string, options: ConllOptions): Promise<TaggedSentence[]> {
  return parseConll(await textOf(path), options, nameOf(path))
}

/** The lines of a file that are not blank. */
export async function readTextLines(path: string): Promise<string[]> {
  return (await linesOf(await textOf(path))).filter((line) => line.trim() !== '')
}

const isJsonLines = (path: string): boolean => /\.(jsonl|ndjson)(\.gz)?$/i.test(path)

/**
 * As `readPairs`; one of the two may be standard input. Of JSON Lines, with vectors in place of texts, as `readVectorPairs`:
 * the target is in the same file.
 */
export async function readPairInput(source: string, target: string): Promise<Pair<Source>[]> {
  if (isJsonLines(source)) {
    if (source !== target)
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `--target: expected ${source}, which has vectors and their targets, got ${target}`,
      )
    return readVectorPairs(source)
  }
  checkInputs(source, target)
  const [sources, targets] = await Promise.all([source, target].map(textOf))
  return pairLines(await linesOf(sources as string), await linesOf(targets as string), {
    source: nameOf(source),
    target: nameOf(target),
  })
}

/** Standard input can be read once; `ERR_ARGUMENT`. */
export function checkInputs(...paths: (string | undefined)[]): void {
  if (paths.filter((path) => path === STDIN).length > 1)
    throw new RnnativeError('ERR_ARGUMENT', '-: expected once, since standard input has one text')
}

const LEARNED = { char: 'characters', word: 'words', space: 'spaces', bpe: 'bpe' } as const

/** A tokenizer learned from texts. `vocabulary`: the most tokens, of the units that choose theirs. */
export async function makeTokenizer(
  unit: Unit,
  texts: readonly string[],
  vocabulary: number | undefined,
): Promise<Tokenizer> {
  if (unit === 'byte') return Tokenizer.bytes()
  return Tokenizer.learn(LEARNED[unit], texts, unit === 'char' ? {} : { vocabulary })
}

/** Most lines that are taken together. */
const CHUNK = 1024

/**
 * The lines that have arrived when the last ones were dealt with: one by one at a terminal. They are those that
 * a file of the same content has; `ERR_FORMAT` with the number of one that is not UTF-8.
 */
export async function* chunksOfLines(input: Readable): AsyncGenerator<string[], void, void> {
  let wake = (): void => undefined
  let failure: Error | null = null
  const heard = () => wake()
  input.on('readable', heard).on('end', heard)
  input.on('error', (error) => {
    failure = error
    wake()
  })
  const lines = new Lines()
  try {
    while (!input.readableEnded) {
      const piece = input.read() as Buffer | null
      if (piece === null) {
        if (failure !== null) throw ioError('read', nameOf(STDIN), failure)
        await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      const arrived = lines.take(piece)
      while (arrived.length > 0) yield arrived.splice(0, CHUNK)
    }
    const last = lines.end()
    if (last.length > 0) yield last
  } finally {
    input.destroy() // else the process waits for its end
  }
}

/** Whole lines out of bytes that come in pieces. */
class Lines {
  private rest: Buffer[] = []
  private count = 0

  take(piece: Buffer): string[] {
    const end = piece.lastIndexOf('\n')
    if (end < 0) {
      this.rest.push(piece)
      return []
    }
    const whole = Buffer.concat([...this.rest, piece.subarray(0, end)])
    this.rest = end + 1 < piece.length ? [piece.subarray(end + 1)] : []
    return this.decode(whole)
  }

  end(): string[] {
    return this.rest.length === 0 ? [] : this.decode(Buffer.concat(this.rest))
  }

  private decode(bytes: Buffer): string[] {
    let text: string
    try {
      // A byte-order mark is one at the beginning alone.
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: this.count > 0 }).decode(bytes)
    } catch (cause) {
      const message = `[read] ${nameOf(STDIN)}: line ${this.count + badLine(bytes)}: not valid UTF-8 text`
      throw new RnnativeError('ERR_FORMAT', message, { cause })
    }
    const lines = text.split('\n').map(withoutReturn)
    this.count += lines.length
    return lines
  }
}
