import { LanguageModel } from '../models'
import type { Precision } from '../tensor'

export interface GenerateCommandOptions {
  model: string
  prompt: string
  length: number
  temperature: number
  topK?: number
  topP?: number
  seed?: number
  precision?: Precision
}

export async function generateText({
  model: directory,
  prompt,
  precision,
  ...options
}: GenerateCommandOptions): Promise<void> {
  await using model = await LanguageModel.load(directory, { precision })
  process.stdout.write(prompt)
  for await (const piece of model.generate(prompt, options)) process.stdout.write(piece)
  process.stdout.write('\n')
}
