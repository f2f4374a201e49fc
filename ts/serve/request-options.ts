/** Options of requests that several verbs take. They bear the names of the families' own. */
import {
  flags,
  lists,
  NUMBERS,
  numbers,
  objects,
  TEXT,
  TEXTS,
  texts,
  wholes,
  type JsonSchema,
  type Properties,
} from './json-schema'

/** Most hypotheses and tokens that a request may ask for: in a process's own code there is no such limit. */
const MOST_BEAM = 16
const MOST_TOKENS = 1024

const lengths: Properties = {
  minLength: wholes('tokens before the end is allowed', 0, MOST_TOKENS),
  maxLength: wholes('most tokens of a result', 1, MOST_TOKENS),
  prefix: texts('what the results begin with'),
}

export const search: Properties = {
  beam: wholes('hypotheses kept at a step; 1 is greedy', 1, MOST_BEAM),
  nBest: wholes('candidates to tell, at most the beam', 1, MOST_BEAM),
  lengthPenalty: numbers('exponent of ((5 + n) / 6)'),
  coveragePenalty: numbers('weight of the coverage of the source'),
  blockNgrams: wholes('no n-gram of so many tokens twice', 0, MOST_TOKENS),
  alignments: flags('tell what was looked at for each token'),
  ...lengths,
}

const drawing: Properties = {
  temperature: numbers('below 1 bolder, above 1 more random, 0 the likeliest'),
  topK: wholes('choose among the k likeliest tokens', 1),
  topP: {
    ...{ type: 'number', description: 'choose among the likeliest tokens of this probability' },
    ...{ exclusiveMinimum: 0, maximum: 1 },
  },
  seed: wholes('the same seed gives the same', 0),
}

export const sampling: Properties = {
  ...drawing,
  samples: wholes('of each input', 1, MOST_BEAM),
  ...lengths,
}

export const generation: Properties = {
  ...drawing,
  length: wholes('tokens to generate', 0, MOST_TOKENS),
}

export const replaceUnknown = flags('write the source token that <unk> looked at')

const candidate: Properties = {
  text: TEXT,
  tokens: NUMBERS,
  logProbability: { type: ['number', 'null'] },
  score: { type: ['number', 'null'] },
  truncated: { type: 'boolean' },
  attention: {
    type: ['object', 'null'],
    properties: { source: TEXTS, target: TEXTS, weights: lists(NUMBERS) },
  },
}

const translation: Properties = { ...candidate, nBest: lists(objects(candidate)) }
export const TRANSLATION: JsonSchema = objects(translation)
export const WRITTEN: JsonSchema = objects({ ...translation, summary: TEXT })

const shares = (name: string, value: string) =>
  lists(objects({ [name]: TEXT, [value]: { type: 'number' } }))

export const PREDICTION = objects({
  label: TEXT,
  labels: TEXTS,
  probabilities: shares('label', 'probability'),
  attention: objects({ tokens: TEXTS, weights: NUMBERS }),
  terms: shares('term', 'weight'),
})

export const NEIGHBOURS = shares('word', 'similarity')
export const KEYWORDS = shares('term', 'weight')

export const TAGGED = objects({
  words: TEXTS,
  tags: TEXTS,
  entities: lists(
    objects({
      ...{ type: TEXT, start: { type: 'integer' }, end: { type: 'integer' }, text: TEXT },
      probability: { type: 'number' },
    }),
  ),
})

export const SUMMARY = objects({
  summary: TEXT,
  sentences: lists(
    objects({ index: { type: 'integer' }, text: TEXT, score: { type: ['number', 'null'] } }),
  ),
})

const BY_TARGET: JsonSchema = { type: 'object', additionalProperties: NUMBERS }

export const FORECASTS = lists(
  objects({
    ...{ series: { type: ['string', 'null'] }, times: TEXTS, values: BY_TARGET },
    quantiles: { type: 'object', additionalProperties: BY_TARGET },
  }),
)
