/** What the families do with inputs. Their own calls do it; here they are given a list, options and a signal. */
import type {
  AbstractiveSummariser,
  Autoencoder,
  Dialogue,
  Doc2Vec,
  Embeddings,
  FastTextClassifier,
  Forecaster,
  LanguageModel,
  MaxEnt,
  NaiveBayes,
  NgramModel,
  Seq2Seq,
  SequenceTagger,
  Summariser,
  TextClassifier,
  TfIdf,
} from '../models'
import { lists, NUMBERS, objects, TEXT, TEXTS, TEXT_OR_TEXTS, wholes } from './json-schema'
import type { JsonSchema } from './json-schema'
import * as options from './request-options'
import type { Verb, VerbOptions, Verbs } from './verb'

const NUMBER: JsonSchema = { type: 'number' }
const ROW: JsonSchema = {
  type: 'object',
  additionalProperties: { type: ['number', 'string', 'null'] },
}

/**
 * Random numbers of each input: under a seed those of the first of a call, so that company does not matter; without one,
 * others for each, since two that ask the same are not to be given the same.
 */
const streamsOf = (inputs: readonly unknown[], { seed }: VerbOptions): number[] =>
  inputs.map((_, i) => (seed === undefined ? i : 0))

/** Results of inputs of two kinds, which a call takes one kind of. */
async function byKind<R>(
  inputs: readonly unknown[],
  run: (some: readonly unknown[]) => Promise<R[]>,
): Promise<R[]> {
  const isText = (one: unknown) => typeof one === 'string'
  const texts = inputs.filter(isText)
  const others = inputs.filter((one) => !isText(one))
  const [ofTexts, ofOthers] = [await run(texts), await run(others)]
  let [text, other] = [0, 0]
  return inputs.map((one) => (isText(one) ? ofTexts[text++] : ofOthers[other++]) as R)
}

export function ofSeq2Seq(model: Seq2Seq): Verbs {
  const vectors = model.source === null
  const input = vectors ? { ...lists(NUMBERS), minItems: 1 } : TEXT
  type Sources = readonly string[]
  const { alignments: _, coveragePenalty: _c, ...plain } = options.search
  const attends = model.network.decoder.attending !== null
  const own = attends ? options.search : plain
  const { samples: _s, ...streaming } = options.sampling
  return {
    translate: {
      about: 'the best target found for each source by beam search',
      ...{ input, result: options.TRANSLATION },
      options: { ...own, ...(attends && !vectors && { replaceUnknown: options.replaceUnknown }) },
      run: (inputs, given, signal) => model.translate(inputs as Sources, { ...given, signal }),
    },
    sample: {
      about: "targets drawn from the model's distribution; with a stream, one that comes in pieces",
      ...{ input, result: options.TRANSLATION, options: options.sampling },
      run: (inputs, given, signal) =>
        model.sample(inputs as Sources, { ...given, streams: streamsOf(inputs, given), signal }),
      stream: (one, given, signal) =>
        model.stream(one as string, { ...taken(given, streaming), signal }),
    },
    embed: {
      about: "the encoder's last state for each source",
      ...{ input, options: {}, result: NUMBERS },
      run: (inputs) => model.represent(inputs as Sources),
    },
  }
}

/** Those of the options that a call knows. */
const taken = (given: VerbOptions, known: object): VerbOptions =>
  Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(known, name)))

export function ofAutoencoder(model: Autoencoder): Verbs {
  const { alignments, coveragePenalty, ...search } = options.search
  const attends = model.network.decoder.attending !== null
  return {
    translate: {
      about: 'what it writes having read each text: the text once more, or what may follow it',
      ...{ input: TEXT, result: options.TRANSLATION },
      options: attends ? { ...search, alignments, coveragePenalty } : search,
      run: (inputs, given, signal) => model.predict(inputs as string[], { ...given, signal }),
    },
    embed: {
      about: "the encoder's last state for each text",
      ...{ input: TEXT, options: {}, result: NUMBERS },
      run: (inputs) => model.represent(inputs as string[]),
    },
  } satisfies Verbs
}

export function ofDialogue(model: Dialogue): Verbs {
  return {
    chat: {
      about: 'the best answer to each line, or to the last of several turns',
      ...{ input: TEXT_OR_TEXTS, result: options.TRANSLATION },
      options: {
        ...options.search,
        penalty: { ...NUMBER, minimum: 0, description: 'weight of being likely whatever was said' },
        penaltyTokens: wholes('only so many first tokens are penalised', 1),
      },
      run: (inputs, given, signal) => model.reply(inputs as string[], { ...given, signal }),
    },
    sample: {
      about: "answers drawn from the model's distribution",
      ...{ input: TEXT_OR_TEXTS, result: options.TRANSLATION, options: options.sampling },
      run: (inputs, given, signal) =>
        model.sample(inputs as string[], { ...given, streams: streamsOf(inputs, given), signal }),
    },
  }
}

const writing = (
  model: LanguageModel | NgramModel,
  run: (inputs: readonly unknown[], given: VerbOptions, signal: AbortSignal) => Promise<string[]>,
): Verbs => ({
  generate: {
    about: 'what may follow each prompt; with a stream, piece by piece',
    ...{ input: TEXT, options: options.generation, result: objects({ text: TEXT }) },
    run: async (...all) => (await run(...all)).map((text) => ({ text })),
    stream: (prompt, given, signal) => model.generate(prompt as string, { ...given, signal }),
  },
  score: {
    about: "the natural logarithm of each text's probability as a line",
    ...{ input: TEXT, options: {}, result: { type: ['number', 'null'] } },
    run: (inputs) => model.score(inputs as string[]),
  },
})

export const ofLanguageModel = (model: LanguageModel): Verbs =>
  writing(model, (inputs, given, signal) =>
    model.generateEach(inputs as string[], { ...given, signal }),
  )

/** A walk through a table, which gains nothing by company. */
export const ofNgramModel = (model: NgramModel): Verbs =>
  writing(model, async (inputs, given, signal) => {
    const texts: string[] = []
    for (const prompt of inputs) {
      let text = ''
      for await (const piece of model.generate(prompt as string, { ...given, signal }))
        text += piece
      texts.push(text)
    }
    return texts
  })

const classifying = (fields: number, run: Verb['run'], more: Verb['options'] = {}): Verbs => ({
  classify: {
    about: "each text's label, and the probabilities of labels",
    input: fields === 1 ? TEXT : { ...TEXTS, minItems: fields, maxItems: fields },
    options: { top: wholes('likeliest labels to tell', 1), ...more },
    result: options.PREDICTION,
    run,
  },
})

export const ofTextClassifier = (model: TextClassifier): Verbs =>
  classifying(model.fields, (inputs, given, signal) =>
    model.predict(inputs as string[], { ...given, signal }),
  )

export const ofFastText = (model: FastTextClassifier): Verbs =>
  classifying(1, (inputs, given, signal) => model.predict(inputs as string[], { ...given, signal }))

export const ofBaseline = (model: NaiveBayes | MaxEnt): Verbs =>
  classifying(
    model.fields,
    (inputs, given, signal) => model.predict(inputs as string[], { ...given, signal }),
    { terms: wholes('terms to tell that weighed most', 0, 1000) },
  )

export const ofTagger = (model: SequenceTagger): Verbs => ({
  tag: {
    about: 'the tags of words and the entities that they tell, of each text or list of words',
    ...{ input: { anyOf: [TEXT, TEXTS] }, options: {}, result: options.TAGGED },
    run: (inputs, _, signal) => byKind(inputs, (some) => model.tag(some as string[], { signal })),
  },
})

export const ofForecaster = (model: Forecaster): Verbs => ({
  forecast: {
    about: 'what comes after the last row of each list of rows, series by series',
    input: { ...lists(ROW), minItems: 1 },
    options: {
      quantiles: { ...lists({ ...NUMBER, exclusiveMinimum: 0, maximum: 1 }), maxItems: 99 },
      samples: wholes('paths that are drawn, by models that draw', 1, 1000),
      seed: wholes('of what is drawn', 0),
      history: wholes('steps of the past to tell', 0, 10_000),
    },
    result: options.FORECASTS,
    run: (inputs, given, signal) =>
      model.predictEach(inputs as Parameters<typeof model.predictEach>[0], { ...given, signal }),
  },
})

export const ofSummariser = (model: Summariser): Verbs => ({
  summarize: {
    about: 'a summary of each text, or list of sentences, by its own sentences',
    ...{ input: TEXT_OR_TEXTS, result: options.SUMMARY },
    options: { sentences: wholes('sentences of a summary, at most', 1, 1000) },
    run: (inputs, given, signal) => model.summarize(inputs as string[], { ...given, signal }),
  },
})

export const ofAbstractive = (model: AbstractiveSummariser): Verbs => ({
  summarize: {
    about: 'a summary of each text, or list of sentences, that is written',
    ...{ input: TEXT_OR_TEXTS, result: options.WRITTEN, options: options.search },
    run: (inputs, given, signal) => model.summarize(inputs as string[], { ...given, signal }),
  },
})

export const ofEmbeddings = (model: Embeddings): Verbs => ({
  embed: {
    about: "each word's vector; null of one that is not known",
    ...{ input: TEXT, options: {}, result: { type: ['array', 'null'], items: NUMBER } },
    run: async (inputs) => {
      const found: (Float32Array | null)[] = []
      for (const word of inputs) found.push((await model.vector(word as string)) ?? null)
      return found
    },
  },
  nearest: {
    about: 'the words nearest to each word',
    ...{ input: TEXT, result: options.NEIGHBOURS },
    options: { count: wholes('how many', 1, 1000) },
    run: async (inputs, given) => {
      const found: object[] = []
      for (const word of inputs) found.push(await model.nearest(word as string, given))
      return found
    },
  },
})

export const ofDoc2Vec = (model: Doc2Vec): Verbs => ({
  embed: {
    about: "each text's vector",
    ...{ input: TEXT, result: NUMBERS },
    options: {
      epochs: wholes('passes over each text', 1, 1000),
      seed: wholes('of what is drawn', 0),
    },
    run: (inputs, given, signal) => model.infer(inputs as string[], { ...given, signal }),
  },
})

export const ofTfIdf = (model: TfIdf): Verbs => ({
  keywords: {
    about: 'the terms that tell most of each text',
    ...{ input: TEXT, result: options.KEYWORDS },
    options: { top: wholes('how many', 1, 1000) },
    run: (inputs, given) => model.keywordsOf(inputs as string[], given),
  },
})
