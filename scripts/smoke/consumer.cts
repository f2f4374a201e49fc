// The same declarations from CommonJS.
import { LanguageModel, Tokenizer } from 'rnnative'

export async function words(text: string): Promise<string> {
  await using lm = new LanguageModel({ tokenizer: Tokenizer.words([text]), hidden: 8 })
  let all = ''
  for await (const piece of lm.generate('', { length: 10 })) all += piece
  return all
}
