import { readPairs, type Pair } from '../data'
import { bleu, chrf, exactMatch, ter, tokenErrorRate } from '../metrics'
import { Seq2Seq } from '../models'
import type { Precision } from '../tensor'
import { printJson, printTable } from '../watch/output'
import { withModels } from './seq2seq-models'

export interface EvaluateFlags {
  model: string
  source: string
  target: string
  metric: 'bleu' | 'chrf' | 'ter' | 'per' | 'exact'
  tokenize: '13a' | 'none'
  beam: number
  lengthPenalty: number
  replaceUnknown: boolean
  precision?: Precision
  json?: true
}

export async function evaluateSeq2Seq(flags: EvaluateFlags): Promise<void> {
  const { source, target, metric, tokenize, json } = flags
  const pairs = await readPairs(source, target)
  const texts = await withModels(flags, async (translator) => {
    const sources = pairs.map(([one]) => one)
    return (await translator.translate(sources, flags)).map(({ text }) => text)
  })
  const references = pairs.map(([, reference]) => reference)
  const measure = {
    bleu: () => bleu(texts, references, { tokenize }),
    chrf: () => chrf(texts, references),
    ter: () => ter(texts, references),
    per: () => tokenErrorRate(texts, references),
    exact: () => exactMatch(texts, references),
  }
  const { score, ...more } = measure[metric]()
  if (json) return printJson({ metric, score, ...more })
  printTable({ [metric]: score.toFixed(2), ...more })
}

export interface ScoreFlags {
  model: string
  source: string
  target: string
  precision?: Precision
  json?: true
}

/** A line for each target: its log-probability in nats and how many tokens it has, the end included. */
export async function scoreSeq2Seq(flags: ScoreFlags): Promise<void> {
  const { model: directory, source, target, precision, json } = flags
  const pairs = await readPairs(source, target)
  await using model = await Seq2Seq.load(directory, { precision })
  const each = pairs.flatMap(([one, targets]): Pair[] =>
    (typeof targets === 'string' ? [targets] : targets).map((text): Pair => [one, text]),
  )
  const scores = await model.score(each)
  scores.forEach(({ logProbability, logProbabilities }, i) => {
    const [from, to] = each[i] as Pair
    if (json)
      printJson({
        ...{ source: from, target: to, logProbability },
        logProbabilities: Array.from(logProbabilities),
      })
    else process.stdout.write(`${logProbability.toFixed(6)}\t${logProbabilities.length}\n`)
  })
}
