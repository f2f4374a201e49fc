import type { Command } from 'commander'
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
import type { EvaluateOptions } from '../lm-eval'
import type { GenerateCommandOptions } from '../lm-generate'
import type { TrainCommandOptions } from '../lm-train'

export function addLanguageModel(program: Command): void {
  const lm = program.command('lm').description('language models')
  addTrain(lm)

  lm.command('eval')
    .description('score every token of a text but the first')
    .addOption(modelOption())
    .requiredOption('--text <file>', 'text to score, gzip allowed')
    .addOption(savedPrecisionOption())
    .addOption(jsonOption())
    .action(async (options: EvaluateOptions) => {
      const { evaluateText } = await import('../lm-eval.js')
      await evaluateText(options)
    })

  lm.command('generate')
    .description('continue a prompt')
    .addOption(modelOption())
    .option('--prompt <text>', 'what to continue; printed first', '')
    .option('--length <n>', 'tokens to generate', wholeNumber, 400)
    .option(
      '--temperature <x>',
      'below 1 bolder, above 1 more random, 0 the likeliest',
      atLeastZero,
      1,
    )
    .option('--top-k <k>', 'choose among the k likeliest tokens', count)
    .option(
      '--top-p <p>',
      'choose among the likeliest tokens of this total probability',
      probability,
    )
    .option('--seed <n>', 'the same seed writes the same text', wholeNumber)
    .addOption(savedPrecisionOption())
    .action(async (options: GenerateCommandOptions) => {
      const { generateText } = await import('../lm-generate.js')
      await generateText(options)
    })
}

function addTrain(lm: Command): void {
  const command = lm
    .command('train')
    .description('learn a text; Ctrl-C writes a checkpoint and stops')
    .requiredOption('--text <file>', 'text to learn, gzip allowed')
    .option('--valid <file>', 'text to validate with after each epoch')
    .addOption(
      choice('--unit <name>', 'what a token is', ['char', 'word', 'byte']).makeOptionMandatory(),
    )
    .addOption(choice('--cell <name>', 'kind of cell', CELLS).default('lstm'))
    .option('--layers <n>', 'recurrent layers', count, 2)
    .option('--hidden <n>', 'units of a layer', count, 256)
    .option('--embedding <n>', "size of a token's vector (default: as --hidden)", count)
    .option('--tie-weights', 'share the weights of embedding and output', false)
    .option('--steps <n>', 'tokens that gradients flow back', count, 50)
    .option('--batch <n>', 'streams read side by side (default: 50, fewer for short texts)', count)
    .option('--dropout <p>', 'share of connections dropped while training', fraction, 0)
  addRunFlags(command).action(async (options: TrainCommandOptions) => {
    const { train } = await import('../lm-train.js')
    await train(options)
  })
}
