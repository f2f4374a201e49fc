import { checkGoing, checkSignal, checkText, checkWhole, optionsOf } from '../../check'
import { GENERATE_NAMES, Sampler, type GenerateOptions } from '../../decode/sampler'
import { expect } from '../../errors'
import { Pauses } from '../../pauses'
import type { AbortSignalLike } from '../../signal'
import { choose } from './choose'
import { stateAfter, type NgramParts } from './parts'

/** Checks its arguments at the call, and walks as it is asked for more. */
export function generate(
  parts: NgramParts,
  prompt: string,
  options: GenerateOptions,
): AsyncGenerator<string, void, void> {
  const { length = 200, signal, ...sampling } = optionsOf('generate', options, GENERATE_NAMES)
  checkText('generate', 'prompt', prompt)
  checkWhole('generate', 'length', length, 0)
  checkSignal('generate', signal)
  return pieces(parts, prompt, length, new Sampler(sampling), signal)
}

async function* pieces(
  parts: NgramParts,
  prompt: string,
  length: number,
  sampler: Sampler,
  signal: AbortSignalLike | undefined,
): AsyncGenerator<string, void, void> {
  const { tokenizer, words, walker } = parts
  const ids = await tokenizer.encodeInStretches(prompt)
  const decoder = tokenizer.decoder()
  for (const id of ids) decoder.write(id)
  let state = stateAfter(parts, ids)
  const probabilities = new Float64Array(words.size)
  const pauses = new Pauses()
  for (let written = 0; written < length; ++written) {
    checkGoing('generate', signal)
    walker.distribution(state, words.begin, probabilities)
    if (tokenizer.unknown !== null) probabilities[tokenizer.unknown] = 0
    const word = choose(probabilities, sampler)
    const writable = 'a token besides <unk>, which is not written'
    expect('generate', 'tokenizer', word >= 0, writable, 'none')
    state = word === words.end ? 1 + words.begin : walker.step(state, word)
    const piece = word < tokenizer.size ? decoder.write(word) : '\n'
    if (piece !== '') yield piece
    if (pauses.due) await pauses.pause()
  }
  const rest = decoder.end()
  if (rest !== '') yield rest
}
