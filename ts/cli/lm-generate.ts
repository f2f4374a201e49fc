import { LanguageModel } from '../models'

export interface GenerateCommandOptions {
  model: string
  prompt: string
  length: number
  temperature: number
  topK?: number
  topP?: number
  seed?: number
}

export async function generateText({
  model: directory,
  prompt,
  ...options
}: GenerateCommandOptions): Promise<void> {
  await using model = await LanguageModel.load(directory)
  process.stdout.write(prompt)
  for await (const piece of model.generate(prompt, options)) process.stdout.write(piece)
  process.stdout.write('\n')
}
