import { LanguageModel } from '../models'
import type { Precision } from '../tensor'
import { readInput } from './texts'
import { printJson, printTable } from '../watch/output'

export interface EvaluateOptions {
  model: string
  text: string
  precision?: Precision
  json?: true
}

export async function evaluateText({
  model: directory,
  text,
  precision,
  json,
}: EvaluateOptions): Promise<void> {
  await using model = await LanguageModel.load(directory, { precision })
  const score = await model.evaluate(await readInput(text, model.tokenizer.unit === 'byte'))
  if (json) return printJson(score)
  printTable({
    nats: score.nats.toFixed(4),
    perplexity: score.perplexity.toFixed(3),
    'bits per token': score.bitsPerToken.toFixed(4),
    'bits per character': score.bitsPerCharacter.toFixed(4),
    tokens: score.tokens,
  })
}
