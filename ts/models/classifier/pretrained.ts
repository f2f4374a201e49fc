/** Tokens, embeddings and layers of another model, for a classifier to begin with (Dai & Le 2015). */
import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../../check'
import { expect, RnnativeError } from '../../errors'
import { Module } from '../../nn'
import { formatShape, sameShape } from '../../tensor/shape'
import { Tokenizer } from '../../text'
import { sameTokens } from '../../text/tokenizer'
import { readingOptions, stackOptions, variantOptions } from '../parts/recurrent-options'
import type { ClassifierNetwork } from './network'

/** What reads tokens: a `LanguageModel`, or an `Autoencoder`, whose encoder does. */
export interface Pretrained {
  /** Its tokens, which the classifier takes over. */
  readonly tokenizer: Tokenizer
  /** Those of its embeddings and layers; of an encoder in the group `encoder` where they differ. */
  readonly options: object
  /** Where its weights are. */
  readonly network: Module
}

const OP = 'text classifier'

/** All options that say what weights mean: not what is dropped while learning. */
const { embeddingDropout: _, ...positions } = readingOptions()
const TAKEN = Object.keys({
  ...stackOptions({ about: '', default: 1 }),
  ...positions,
  ...variantOptions(),
})

interface Reader {
  /** Of the texts. */
  tokenizer: Tokenizer
  options: Readonly<Record<string, unknown>>
  bidirectional: boolean
}

function readerOf(given: Pretrained): Reader {
  const valid =
    isObject(given) &&
    given['tokenizer'] instanceof Tokenizer &&
    isObject(given['options']) &&
    given['network'] instanceof Module
  expect(OP, 'pretrained', valid, 'a LanguageModel, an Autoencoder or their like', given)
  const options = given.options as Record<string, unknown>
  const { encoder } = options
  const own = { ...options, ...(isObject(encoder) ? encoder : {}) }
  return { tokenizer: given.tokenizer, options: own, bidirectional: own['bidirectional'] === true }
}

/** Throws `ERR_ARGUMENT` for what is given, or an entry of a group that is, unless it is as wanted. */
function checkSame(name: string, given: unknown, wanted: unknown): void {
  if (given === undefined || isDeepStrictEqual(given, wanted)) return
  if (isObject(given) && isObject(wanted)) {
    for (const [part, value] of Object.entries(given))
      checkSame(`${name}.${part}`, value, wanted[part])
    return
  }
  // An option that was not chosen is not there.
  const words = wanted === undefined ? 'none' : JSON.stringify(wanted)
  expect(OP, name, false, `${words} as of pretrained`, given)
}

/**
 * Options with those of `pretrained` in them. `ERR_ARGUMENT` names one that is given otherwise. A classifier that
 * reads in both directions may begin with a model that reads forward if it has one layer: the second's input is wider.
 */
export function takeOver<T extends { tokenizer?: Tokenizer | undefined }>(
  given: T,
  pretrained: Pretrained,
): T {
  const { tokenizer, options, bidirectional } = readerOf(pretrained)
  const same = given.tokenizer === undefined || sameTokens(given.tokenizer, tokenizer)
  expect(OP, 'tokenizer', same, 'the same tokens as of pretrained', 'others')
  const own = given as Readonly<Record<string, unknown>>
  const taken: Record<string, unknown> = { tokenizer }
  for (const name of TAKEN) {
    taken[name] = options[name]
    checkSame(name, own[name], options[name])
  }
  const both = own['bidirectional']
  if (both === undefined) taken['bidirectional'] = bidirectional
  else {
    const fits = both === bidirectional || (both === true && options['layers'] === 1)
    expect(OP, 'bidirectional', fits, `${bidirectional} as of pretrained`, both)
  }
  return { ...given, ...taken }
}

/** Of the backward direction, which a model that reads forward has not. */
const isReverse = (name: string): boolean => name.endsWith('_reverse')

/** Its embeddings, positions and layers, as values of the network's own. */
export function takeWeights(network: ClassifierNetwork, { network: other }: Pretrained): void {
  const theirs = other.stateDict()
  const values = new Map<string, NonNullable<ReturnType<typeof theirs.get>>>()
  for (const [name, { shape }] of network.stateDict()) {
    if (!/^(embedding|positions|rnn)\./.test(name)) continue
    const found = theirs.get(name) ?? theirs.get(`encoder.${name}`)
    if (found === undefined && isReverse(name)) continue
    if (found === undefined || !sameShape(found.shape, shape))
      throw new RnnativeError(
        'ERR_SHAPE',
        `[${OP}] pretrained: ${name}: expected ${formatShape(shape)}, got ` +
          (found === undefined ? 'none' : formatShape(found.shape)),
      )
    values.set(name, found)
  }
  network.loadStateDict(values, { strict: false })
}
