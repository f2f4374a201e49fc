import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Draw } from '../../support/host.mjs'

export const fresh = (name = ''): string => join(mkdtempSync(join(tmpdir(), 'rnnative-')), name)

const TOPICS = {
  sea: ['whale', 'ship', 'wave', 'sail'],
  town: ['street', 'house', 'shop', 'coach'],
}
const COMMON = ['the', 'a', 'and', 'of']

/** Sentences whose words are of the sea or of the town, with common words among them. */
export function topics(sentences: number, seed = 1): string[] {
  const draw = new Draw(seed)
  const pick = (words: readonly string[]) => words[draw.below(words.length)] as string
  return Array.from({ length: sentences }, (_, i) => {
    const own = i % 2 ? TOPICS.sea : TOPICS.town
    return Array.from({ length: 10 }, (_, j) => pick(j % 2 ? COMMON : own)).join(' ')
  })
}
