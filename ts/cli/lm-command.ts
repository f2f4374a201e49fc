import type { Command } from 'commander'
import {
  atLeastZero,
  CELLS,
  choice,
  count,
  deviceOption,
  fraction,
  jsonOption,
  positive,
  precisionOption,
  probability,
  threadsOption,
  wholeNumber,
} from './arguments'
import type { EvaluateOptions } from './lm-eval'
import type { GenerateCommandOptions } from './lm-generate'
import type { TrainCommandOptions } from './lm-train'

const OPTIMIZERS = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad']
const savedPrecisionOption = () => precisionOption('what to multiply in (default: as in training)')

const SCHEDULES = ['constant', 'step', 'exponential', 'plateau', 'inverse-sqrt', 'cosine']

export function addLanguageModel(program: Command): void {
  const lm = program.command('lm').description('language models')
  addTrain(lm)

  lm.command('eval')
    .description('score every token of a text but the first')
    .requiredOption('--model <dir>', 'a saved model or a checkpoint directory (its best is taken)')
    .requiredOption('--text <file>', 'text to score, gzip allowed')
    .addOption(savedPrecisionOption())
    .addOption(jsonOption())
    .action(async (options: EvaluateOptions) => {
      const { evaluateText } = await import('./lm-eval.js')
      await evaluateText(options)
    })

  lm.command('generate')
    .description('continue a prompt')
    .requiredOption('--model <dir>', 'a saved model or a checkpoint directory (its best is taken)')
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
      const { generateText } = await import('./lm-generate.js')
      await generateText(options)
    })
}

function addTrain(lm: Command): void {
  lm.command('train')
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
    .addOption(choice('--optimizer <name>', 'optimizer', OPTIMIZERS).default('adam'))
    .option('--learning-rate <x>', 'default: as suits the optimizer', positive)
    .addOption(choice('--schedule <name>', 'of the learning rate', SCHEDULES).default('constant'))
    .option('--clip-norm <x>', 'largest norm of the gradient', positive, 1)
    .option(
      '--epochs <n>',
      'passes over the text (default: 10, unlimited with --max-seconds)',
      count,
    )
    .option('--max-seconds <s>', 'stop after so much training, validation not counted', positive)
    .option('--patience <n>', 'stop after so many validations without a new best', count)
    .option('--seed <n>', 'of weights and dropout', wholeNumber, 1)
    .addOption(threadsOption())
    .addOption(deviceOption(['cpu', 'cuda', 'auto']))
    .addOption(precisionOption().default('f32'))
    .requiredOption('--checkpoint <dir>', 'where checkpoints go; also the directory of the model')
    .option('--checkpoint-every <n>', 'steps between checkpoints (default: each epoch)', count)
    .option('--resume', "continue from the directory's latest checkpoint, if it has one", false)
    .addOption(jsonOption())
    .action(async (options: TrainCommandOptions) => {
      const { train } = await import('./lm-train.js')
      await train(options)
    })
}
