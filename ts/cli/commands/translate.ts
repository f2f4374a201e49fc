import type { Readable } from 'node:stream'
import { RnnativeError } from '../../errors'
import type { Seq2Seq, Seq2SeqEnsemble, Translation } from '../../models'
import { drawAttention, writeFigures, type AttentionMap } from '../../report'
import type { Precision } from '../../tensor'
import { withModels } from '../seq2seq-models'

export interface TranslateFlags {
  model: string
  beam: number
  nBest: number
  lengthPenalty: number
  coveragePenalty: number
  blockNgrams: number
  minLength: number
  maxLength?: number
  replaceUnknown: boolean
  sample: boolean
  temperature?: number
  topK?: number
  topP?: number
  seed?: number
  attentionPlot?: string
  precision?: Precision
}

/** Most lines that are translated together. */
const CHUNK = 1024
const MOST_PLOTS = 20

/**
 * The lines that have arrived when the last ones were dealt with: one by one at a terminal. They end
 * with `\n` or `\r\n`, as those of files do; a byte-order mark is dropped.
 */
async function* chunksOfLines(input: Readable): AsyncGenerator<string[], void, void> {
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

const SAMPLING = [
  ['temperature', '--temperature'],
  ['topK', '--top-k'],
  ['topP', '--top-p'],
  ['seed', '--seed'],
] as const

export async function translateLines(flags: TranslateFlags): Promise<void> {
  const { attentionPlot, sample, nBest } = flags
  if (!sample)
    for (const [name, flag] of SAMPLING)
      if (flags[name] !== undefined)
        throw new RnnativeError('ERR_ARGUMENT', `${flag}: only together with --sample`)
  await withModels(flags, async (translator) => {
    const maps: AttentionMap[] = []
    let number = 0
    for await (const lines of chunksOfLines(process.stdin)) {
      const wanted = attentionPlot !== undefined && maps.length < MOST_PLOTS
      const at = { first: number, alignments: wanted }
      for (const translation of await translateChunk(translator, lines, flags, at)) {
        ++number
        print(translation, nBest, number)
        if (wanted && translation.attention) maps.push(translation.attention)
      }
    }
    if (attentionPlot !== undefined) await plot(attentionPlot, maps.slice(0, MOST_PLOTS))
  })
}

function translateChunk(
  translator: Seq2Seq | Seq2SeqEnsemble,
  lines: readonly string[],
  flags: TranslateFlags,
  { first, alignments }: { first: number; alignments: boolean },
): Promise<Translation[]> {
  const { sample, nBest, temperature, topK, topP, seed, minLength, maxLength } = flags
  if (sample)
    return translator.sample(lines, {
      ...{ samples: nBest, temperature, topK, topP, seed, minLength, maxLength },
      // A line's samples do not depend on which lines came with it.
      streams: lines.map((_, i) => first + i),
    })
  const { beam, lengthPenalty, coveragePenalty, blockNgrams, replaceUnknown } = flags
  return translator.translate(lines, {
    ...{ beam, nBest, lengthPenalty, coveragePenalty, blockNgrams, replaceUnknown },
    ...{ minLength, maxLength, alignments },
  })
}

/** A text of a line each; with several for a source its number, the score and the text. */
function print({ text, nBest }: Translation, count: number, number: number): void {
  const line = (one: string) => one.replace(/[\r\n]+/g, ' ')
  if (count === 1) process.stdout.write(`${line(text)}\n`)
  else
    for (const candidate of nBest)
      process.stdout.write(`${number}\t${candidate.score.toFixed(4)}\t${line(candidate.text)}\n`)
}

async function plot(path: string, maps: readonly AttentionMap[]): Promise<void> {
  if (maps.length === 0)
    throw new RnnativeError('ERR_EMPTY', '--attention-plot: expected a line to draw, got none')
  const figures = []
  for (const map of path.toLowerCase().endsWith('.svg') ? maps.slice(0, 1) : maps)
    figures.push({ svg: await drawAttention(map) })
  await writeFigures(path, 'Attention', figures)
}
