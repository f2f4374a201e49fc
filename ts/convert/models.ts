/** Saved models that can be converted, by what their directories tell: a row for each family. */
import { Autoencoder } from '../models/autoencoder/model'
import { autoencoderOptions } from '../models/autoencoder/options'
import { TextClassifier } from '../models/classifier/model'
import { classifierOptions } from '../models/classifier/options'
import { Dialogue } from '../models/dialogue/model'
import { dialogueOptions } from '../models/dialogue/options'
import { familyOf } from '../models/family-of'
import { Forecaster } from '../models/forecaster/model'
import { forecasterOptions } from '../models/forecaster/options'
import { LanguageModel } from '../models/language/model'
import { languageOptions } from '../models/language/options'
import type { Model } from '../models/model'
import { Seq2Seq } from '../models/seq2seq/model'
import { seq2seqOptions } from '../models/seq2seq/options'
import { SequenceTagger } from '../models/tagger/model'
import { taggerOptions } from '../models/tagger/options'
import type { HostTensor, Module } from '../nn'
import type { Parameter } from '../tensor'

const FAMILIES = new Map<unknown, (directory: string) => Promise<Model>>([
  [languageOptions.type, (directory) => LanguageModel.load(directory)],
  [classifierOptions.type, (directory) => TextClassifier.load(directory)],
  [taggerOptions.type, (directory) => SequenceTagger.load(directory)],
  [forecasterOptions.type, (directory) => Forecaster.load(directory)],
  [seq2seqOptions.type, (directory) => Seq2Seq.load(directory)],
  [autoencoderOptions.type, (directory) => Autoencoder.load(directory)],
  [dialogueOptions.type, (directory) => Dialogue.load(directory)],
])

/** Loads a model that was saved. `ERR_IO`, `ERR_FORMAT`. */
export async function loadSaved(directory: string): Promise<Model> {
  const load = await familyOf(directory, FAMILIES)
  return load(directory)
}

/** A module's numbers under all names; what is tied has one array under each of its names, as PyTorch has it. */
export async function tensorsOf(module: Module): Promise<Map<string, HostTensor>> {
  const names = [...module.allNames()]
  const reads = new Map<Parameter, Promise<HostTensor>>()
  for (const [, parameter] of names)
    if (!reads.has(parameter)) reads.set(parameter, readOne(parameter))
  const tensors = new Map<string, HostTensor>()
  for (const [name, parameter] of names)
    tensors.set(name, await (reads.get(parameter) as Promise<HostTensor>))
  return tensors
}

const readOne = async (parameter: Parameter): Promise<HostTensor> => ({
  shape: parameter.shape,
  data: await parameter.data(),
})
