import {
  checkGoing,
  checkChoice,
  checkSignal,
  checkWhole,
  isListOf,
  optionsOf,
  type Names,
} from '../../check'
import { Sampler } from '../../decode/sampler'
import { expect } from '../../errors'
import { inStretches, Pauses } from '../../pauses'
import type { AbortSignalLike } from '../../signal'
import type { Tokenizer } from '../../text'
import { Chain, type McmcMethod, type Sentence } from './mcmc'
import type { NgramParts } from './parts'

/** Options of `sample`. */
export interface NgramSampleOptions {
  /** How the next word of a blank is found. Default 'gibbs'. */
  method?: McmcMethod | undefined
  /** Sweeps over all blanks. Default 1000. */
  iterations?: number | undefined
  /** Sweeps before the first that counts. Default a tenth of them. */
  burnIn?: number | undefined
  /** One sentence of so many sweeps is given. Default 1. */
  every?: number | undefined
  /** Of the draws. Default: a new one each time. */
  seed?: number | undefined
  /** Ends the work once it is aborted. */
  signal?: AbortSignalLike | undefined
}

/** Texts that were drawn, and how likely they are. */
export interface NgramSamples {
  /** In the order in which they were drawn, those of the burn-in left out. */
  samples: { text: string; logProbability: number }[]
  /** Share of the proposals that were taken; 1 of Gibbs sampling. */
  acceptance: number
}

const SAMPLE_NAMES: Names<NgramSampleOptions> = {
  ...{ method: true, iterations: true, burnIn: true, every: true, seed: true, signal: true },
}
const METHODS = ['gibbs', 'metropolis-hastings'] satisfies McmcMethod[]

/** What stands for a word to be drawn. */
const BLANK = '_'

/** See `NgramModel.sample`. */
export async function sample(
  { tokenizer, words, walker }: NgramParts,
  template: string | readonly (string | null)[],
  options: NgramSampleOptions,
): Promise<NgramSamples> {
  const op = 'sample'
  const { seed, signal, ...counts } = optionsOf(op, options, SAMPLE_NAMES)
  const { method = 'gibbs', iterations = 1000, every = 1 } = counts
  checkChoice(op, 'method', method, METHODS)
  checkWhole(op, 'iterations', iterations, 1)
  const { burnIn = Math.floor(iterations / 10) } = counts
  checkWhole(op, 'burnIn', burnIn, 0, iterations - 1)
  checkWhole(op, 'every', every, 1)
  checkSignal(op, signal)
  const sentence = sentenceOf(op, tokenizer, template)
  const sampler = new Sampler({ seed }, 'mcmc')
  const banned = [words.end, ...(tokenizer.unknown === null ? [] : [tokenizer.unknown])]
  expect(op, 'tokenizer', words.size - 1 > banned.length, 'a word to draw', 'none')
  const chain = new Chain(walker, words, sentence, sampler, banned)
  const samples: NgramSamples['samples'] = []
  const pauses = new Pauses()
  for (let sweep = 0; sweep < iterations; ++sweep) {
    checkGoing(op, signal)
    await inStretches(chain.sweep(method), pauses)
    if (sweep >= burnIn && (sweep - burnIn) % every === 0)
      samples.push({
        text: tokenizer.decode(sentence.words),
        logProbability: chain.logProbability * Math.LN10,
      })
  }
  return { samples, acceptance: chain.taken / chain.proposed }
}

function sentenceOf(
  op: string,
  tokenizer: Tokenizer,
  template: string | readonly (string | null)[],
): Sentence {
  const isText = typeof template === 'string'
  const valid = isText || isListOf(template, (x) => x === null || typeof x === 'string')
  expect(op, 'template', valid, `a text with ${BLANK} in it, or a list of texts and null`, template)
  const parts = isText
    ? template.split(/(_)/).map((part) => (part === BLANK ? null : part))
    : template
  const words: number[] = []
  const blanks: number[] = []
  for (const part of parts)
    if (part === null) blanks.push(words.push(0) - 1)
    else words.push(...tokenizer.encode(tokenizer.unit === 'character' ? part : part.trim()))
  expect(op, 'template', blanks.length > 0, `a blank (${BLANK})`, template)
  return { words: Int32Array.from(words), blanks }
}
