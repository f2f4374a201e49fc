import { createInterface } from 'node:readline'
import { RnnativeError } from '../errors'
import type { Seq2Seq, Seq2SeqEnsemble, Translation } from '../models'
import { drawAttention, writeFigures, type AttentionMap } from '../report'
import type { Precision } from '../tensor'
import { withModels } from './seq2seq-models'

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
  temperature: number
  topK?: number
  topP?: number
  seed?: number
  attentionPlot?: string
  precision?: Precision
}

/** Most lines that are translated together. */
const CHUNK = 1024
const MOST_PLOTS = 20

/** The lines that have arrived when the last ones were dealt with: one by one at a terminal. */
async function* chunksOfLines(input: NodeJS.ReadableStream): AsyncGenerator<string[], void, void> {
  const waiting: string[] = []
  let [ended, wake] = [false, (): void => undefined]
  const lines = createInterface({ input, crlfDelay: Infinity })
  lines.on('line', (line) => {
    waiting.push(line)
    wake()
  })
  lines.on('close', () => {
    ended = true
    wake()
  })
  for (;;) {
    if (waiting.length > 0) yield waiting.splice(0, CHUNK)
    else if (ended) return
    else {
      await new Promise<void>((resolve) => (wake = resolve))
      // What came in one piece is translated in one.
      await new Promise<void>((resolve) => void setImmediate(resolve))
    }
  }
}

export async function translateLines(flags: TranslateFlags): Promise<void> {
  const { attentionPlot, sample, nBest } = flags
  if (attentionPlot !== undefined && sample)
    throw new RnnativeError('ERR_ARGUMENT', '--attention-plot: not together with --sample')
  await withModels(flags, async (translator) => {
    const maps: AttentionMap[] = []
    let number = 0
    for await (const lines of chunksOfLines(process.stdin)) {
      const wanted = attentionPlot !== undefined && maps.length < MOST_PLOTS
      for (const translation of await translateChunk(translator, lines, flags, wanted)) {
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
  alignments: boolean,
): Promise<Translation[]> {
  const { sample, nBest, temperature, topK, topP, seed, minLength, maxLength } = flags
  if (sample)
    return translator.sample(lines, {
      ...{ samples: nBest, temperature, topK, topP, seed, minLength, maxLength },
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
  const figures = []
  for (const map of path.toLowerCase().endsWith('.svg') ? maps.slice(0, 1) : maps)
    figures.push({ svg: await drawAttention(map) })
  await writeFigures(path, 'Attention', figures)
}
