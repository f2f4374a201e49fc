import { Option, type Command } from 'commander'
import {
  addRunFlags,
  atLeastZero,
  CELLS,
  choice,
  count,
  fraction,
  jsonOption,
  modelOption,
  probability,
  savedPrecisionOption,
  wholeNumber,
} from '../arguments'
import type { EvaluateFlags, ScoreFlags } from '../seq2seq-eval'
import type { Seq2SeqTrainFlags } from '../seq2seq-train'
import type { TranslateFlags } from './translate'

const UNITS = ['word', 'char', 'bpe', 'space']
const ATTENTION = ['additive', 'dot', 'scaled-dot', 'general', 'concat', 'none']

export function addSeq2Seq(program: Command): void {
  const seq2seq = program
    .command('seq2seq')
    .description('sequence to sequence: translation, pronunciation and the like')
  addTrain(seq2seq)
  addTranslate(seq2seq)
  addMeasures(seq2seq)
}

function addTrain(seq2seq: Command): void {
  const command = seq2seq
    .command('train')
    .description('learn pairs of lines; Ctrl-C writes a checkpoint and stops')
    .requiredOption('--source <file>', 'a source on each line, gzip allowed')
    .requiredOption('--target <file>', 'its target, or several separated by tabs')
    .option('--valid-source <file>', 'pairs to validate with after each epoch')
    .option('--valid-target <file>', 'their targets')
    .addOption(choice('--unit <name>', 'what a token is', UNITS).makeOptionMandatory())
    .addOption(choice('--source-unit <name>', 'of sources, if not --unit', UNITS))
    .option('--vocabulary <n>', 'most tokens of a side (default: 8,000 of bpe, else 50,000)', count)
    .addOption(choice('--cell <name>', 'kind of cell', CELLS).default('lstm'))
    .option('--layers <n>', 'recurrent layers of encoder and decoder', count, 1)
    .option('--hidden <n>', 'units of a layer', count, 256)
    .option('--embedding <n>', "size of a token's vector (default: as --hidden)", count)
    .option('--bidirectional', 'read sources in both directions', false)
    .option('--reverse-source', 'read sources backwards', false)
    .addOption(choice('--attention <name>', 'kind of attention', ATTENTION).default('additive'))
    .option('--input-feeding', 'feed what was attended to into the next step', false)
    .option('--residual', 'layers add their input to their output', false)
    .addOption(
      choice('--tie-embeddings <name>', "the output shares the target's embedding, or all", [
        ...['none', 'target', 'all'],
      ]).default('none'),
    )
    .option('--dropout <p>', 'share of connections dropped while training', fraction, 0)
    .option('--label-smoothing <p>', 'share of probability spread over all tokens', fraction, 0)
    .addOption(
      choice('--references <name>', 'of several targets learn', ['first', 'each']).default('first'),
    )
    .option('--batch-tokens <n>', 'real tokens of a step, sources and targets', count, 4096)
  addRunFlags(command).action(async (options: Seq2SeqTrainFlags) => {
    const { trainSeq2Seq } = await import('../seq2seq-train.js')
    await trainSeq2Seq(options)
  })
}

/** Flags of a search that mean nothing to `--sample`. */
const SEARCHING = [
  ...['beam', 'lengthPenalty', 'coveragePenalty', 'blockNgrams', 'replaceUnknown'],
  'attentionPlot',
]

const MODELS = 'a saved model or a checkpoint directory; several, with commas, decide together'

function addTranslate(seq2seq: Command): void {
  seq2seq
    .command('translate')
    .description('stdin to stdout, line by line')
    .requiredOption('--model <dirs>', MODELS)
    .option('--beam <n>', 'hypotheses kept at a step; 1 is greedy', count, 5)
    .option('--n-best <n>', 'print so many: number, score and text, by tabs', count, 1)
    .option('--length-penalty <x>', 'exponent of ((5 + n) / 6)', atLeastZero, 0)
    .option('--coverage-penalty <x>', 'weight of the coverage of the source', atLeastZero, 0)
    .option('--block-ngrams <n>', 'no n-gram of so many tokens twice; 0: no matter', wholeNumber, 0)
    .option('--min-length <n>', 'tokens before the end is allowed', wholeNumber, 0)
    .option('--max-length <n>', 'most tokens (default: 50 and twice those of the source)', count)
    .option('--replace-unknown', 'write the source token that <unk> looked at', false)
    .addOption(
      new Option('--sample', 'draw from the distribution instead of searching')
        .default(false)
        .conflicts(SEARCHING),
    )
    .option('--temperature <x>', 'of --sample: below 1 bolder, above 1 more random', atLeastZero)
    .option('--top-k <k>', 'of --sample: choose among the k likeliest tokens', count)
    .option('--top-p <p>', 'of --sample: among the likeliest of this probability', probability)
    .option('--seed <n>', 'of --sample: the same seed writes the same', wholeNumber)
    .option('--attention-plot <file>', 'draw the attention of the first 20 lines: .html or .svg')
    .addOption(savedPrecisionOption())
    .action(async (options: TranslateFlags) => {
      const { translateLines } = await import('./translate.js')
      await translateLines(options)
    })
}

function addMeasures(seq2seq: Command): void {
  seq2seq
    .command('eval')
    .description('translate and compare')
    .requiredOption('--model <dirs>', MODELS)
    .requiredOption('--source <file>', 'a source on each line, gzip allowed')
    .requiredOption('--target <file>', 'its reference, or several separated by tabs')
    .addOption(
      choice('--metric <name>', 'what to measure', [
        ...['bleu', 'chrf', 'ter', 'per', 'exact'],
      ]).makeOptionMandatory(),
    )
    .addOption(choice('--tokenize <name>', 'of bleu', ['13a', 'none']).default('13a'))
    .option('--beam <n>', 'hypotheses kept at a step; 1 is greedy', count, 5)
    .option('--length-penalty <x>', 'exponent of ((5 + n) / 6)', atLeastZero, 0)
    .option('--replace-unknown', 'write the source token that <unk> looked at', false)
    .addOption(savedPrecisionOption())
    .addOption(jsonOption())
    .action(async (options: EvaluateFlags) => {
      const { evaluateSeq2Seq } = await import('../seq2seq-eval.js')
      await evaluateSeq2Seq(options)
    })

  seq2seq
    .command('score')
    .description('the log-probability of each target, given its source')
    .addOption(modelOption())
    .requiredOption('--source <file>', 'a source on each line, gzip allowed')
    .requiredOption('--target <file>', 'its target, or several separated by tabs')
    .addOption(savedPrecisionOption())
    .addOption(jsonOption())
    .action(async (options: ScoreFlags) => {
      const { scoreSeq2Seq } = await import('../seq2seq-eval.js')
      await scoreSeq2Seq(options)
    })
}
