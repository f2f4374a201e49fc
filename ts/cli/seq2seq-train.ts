import { PairBatches, PairSet, readPairs, type Pair } from '../data'
import { RnnativeError } from '../errors'
import { Seq2Seq, type CellName, type TiedEmbeddings } from '../models'
import type { AttentionKind } from '../nn'
import { create as createOptimizer } from '../optim'
import { Tokenizer } from '../text'
import {
  checkFlags,
  follow,
  LEARNING_RATES,
  makeSchedule,
  watchers,
  type RunFlags,
} from './commands/train'

type SequenceUnit = 'word' | 'char' | 'bpe' | 'space'

export interface Seq2SeqTrainFlags extends RunFlags {
  source: string
  target: string
  validSource?: string
  validTarget?: string
  unit: SequenceUnit
  sourceUnit?: SequenceUnit
  vocabulary?: number
  cell: CellName
  layers: number
  hidden: number
  embedding?: number
  bidirectional: boolean
  reverseSource: boolean
  attention: AttentionKind | 'none'
  inputFeeding: boolean
  residual: boolean
  tieEmbeddings: TiedEmbeddings
  dropout: number
  labelSmoothing: number
  references: 'first' | 'each'
  batchTokens: number
}

function makeTokenizer(
  unit: SequenceUnit,
  texts: readonly string[],
  vocabulary: number | undefined,
): Tokenizer {
  switch (unit) {
    case 'word':
      return Tokenizer.words(texts, { vocabulary })
    case 'char':
      return Tokenizer.characters(texts)
    case 'bpe':
      return Tokenizer.bpe(texts, { vocabulary })
    case 'space':
      return Tokenizer.spaces(texts, { vocabulary })
  }
}

/** One tokenizer of both sides where all embeddings are tied, else one for each. */
function makeTokenizers(
  pairs: readonly Pair[],
  { unit, sourceUnit = unit, vocabulary, tieEmbeddings }: Seq2SeqTrainFlags,
): { source: Tokenizer; target: Tokenizer } {
  const sources = pairs.map(([source]) => source)
  const targets = pairs.flatMap(([, target]) => target)
  if (tieEmbeddings !== 'all')
    return {
      source: makeTokenizer(sourceUnit, sources, vocabulary),
      target: makeTokenizer(unit, targets, vocabulary),
    }
  if (sourceUnit !== unit)
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `--tie-embeddings all needs one unit on both sides, got ${sourceUnit} and ${unit}`,
    )
  const both = makeTokenizer(unit, [...sources, ...targets], vocabulary)
  return { source: both, target: both }
}

export async function trainSeq2Seq(options: Seq2SeqTrainFlags): Promise<void> {
  const { validSource, validTarget, maxSeconds, batchTokens, bidirectional } = options
  if ((validSource === undefined) !== (validTarget === undefined))
    throw new RnnativeError('ERR_ARGUMENT', '--valid-source and --valid-target go together')
  const flags = '--valid-source and --valid-target'
  await checkFlags(options, validSource !== undefined, flags)
  const pairs = await readPairs(options.source, options.target)
  const validation =
    validSource !== undefined && validTarget !== undefined
      ? await readPairs(validSource, validTarget)
      : undefined
  const model = new Seq2Seq({
    ...options,
    ...makeTokenizers(pairs, options),
    encoder: { bidirectional },
  })
  await using _ = model
  const { source, target, reverseSource } = model
  const { references } = options
  const set = await PairSet.encode(pairs, { source, target, reverseSource, references })
  const stepsPerEpoch = new PairBatches(set, { batchTokens, seed: model.seed }).count
  const { epochs = maxSeconds === undefined ? 10 : undefined } = options
  const totalSteps = epochs === undefined ? undefined : epochs * stepsPerEpoch
  const { optimizer, learningRate: lr = LEARNING_RATES[optimizer] } = options
  const run = model.fit(set, {
    ...options,
    ...{ validation, epochs },
    optimizer: createOptimizer(optimizer, { lr }),
    schedule: makeSchedule(options, totalSteps),
    watch: watchers(options),
  })
  await follow(run)
}
