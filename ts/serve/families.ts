/** The verbs of each family: a row for each, by what `config.json` says and by the model itself. */
import {
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
import { abstractiveOptions } from '../models/abstractive/options'
import { autoencoderOptions } from '../models/autoencoder/options'
import { maxEntOptions, naiveBayesOptions, tfIdfOptions } from '../models/baselines/options'
import { classifierOptions } from '../models/classifier/options'
import { dialogueOptions } from '../models/dialogue/options'
import { fastTextOptions } from '../models/embeddings/classifier-options'
import { docOptions } from '../models/embeddings/doc-options'
import { embeddingOptions } from '../models/embeddings/options'
import { familyOf } from '../models/family-of'
import { forecasterOptions } from '../models/forecaster/options'
import { languageOptions } from '../models/language/options'
import { ngramOptions } from '../models/ngram/options'
import { seq2seqOptions } from '../models/seq2seq/options'
import { summariserOptions } from '../models/summariser/options'
import { taggerOptions } from '../models/tagger/options'
import { expect } from '../errors'
import type { Verbs } from './verb'
import * as verbs from './verbs'

/** A model of any family that can be served. */
export type Servable =
  | AbstractiveSummariser
  | Autoencoder
  | Dialogue
  | Doc2Vec
  | Embeddings
  | FastTextClassifier
  | Forecaster
  | LanguageModel
  | MaxEnt
  | NaiveBayes
  | NgramModel
  | Seq2Seq
  | SequenceTagger
  | Summariser
  | TextClassifier
  | TfIdf

/** Only what is of the row's own family is asked for its verbs. */
const row = <M extends Servable>(
  schema: { readonly type: string },
  kind: { load(directory: string): Promise<M> } & (abstract new (...given: never[]) => Servable),
  of: (model: M) => Verbs,
) => ({
  type: schema.type,
  load: (directory: string): Promise<Servable> => kind.load(directory),
  verbsOf: (model: unknown): Verbs | null => (model instanceof kind ? of(model as M) : null),
})

const FAMILIES = [
  row(seq2seqOptions, Seq2Seq, verbs.ofSeq2Seq),
  row(autoencoderOptions, Autoencoder, verbs.ofAutoencoder),
  row(dialogueOptions, Dialogue, verbs.ofDialogue),
  row(languageOptions, LanguageModel, verbs.ofLanguageModel),
  row(ngramOptions, NgramModel, verbs.ofNgramModel),
  row(classifierOptions, TextClassifier, verbs.ofTextClassifier),
  row(fastTextOptions, FastTextClassifier, verbs.ofFastText),
  row(naiveBayesOptions, NaiveBayes, verbs.ofBaseline),
  row(maxEntOptions, MaxEnt, verbs.ofBaseline),
  row(taggerOptions, SequenceTagger, verbs.ofTagger),
  row(forecasterOptions, Forecaster, verbs.ofForecaster),
  row(summariserOptions, Summariser, verbs.ofSummariser),
  row(abstractiveOptions, AbstractiveSummariser, verbs.ofAbstractive),
  row(embeddingOptions, Embeddings, verbs.ofEmbeddings),
  row(docOptions, Doc2Vec, verbs.ofDoc2Vec),
  row(tfIdfOptions, TfIdf, verbs.ofTfIdf),
]

/** @internal Of a model of any family; `ERR_ARGUMENT` for what is none. */
export function verbsOf(op: string, model: Servable): Verbs {
  for (const family of FAMILIES) {
    const own = family.verbsOf(model)
    if (own) return own
  }
  expect(op, 'model', false, 'a model of rnnative', model)
  return {}
}

const BY_TYPE = new Map<unknown, (typeof FAMILIES)[0]>(FAMILIES.map((one) => [one.type, one]))

/** @internal What is saved in a directory, whichever family it is of. `ERR_IO`, `ERR_FORMAT`. */
export async function loadServable(directory: string): Promise<{ model: Servable; type: string }> {
  const { load, type } = await familyOf(directory, BY_TYPE)
  return { model: await load(directory), type }
}

/** Frees a model; those without tensors have nothing to free. */
export async function disposeServable(model: Servable): Promise<void> {
  if ('dispose' in model) await model.dispose()
}
