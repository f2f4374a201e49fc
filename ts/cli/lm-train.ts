import { LanguageModel, type CellName } from '../models'
import { create as createOptimizer } from '../optim'
import { makeTokenizer, readInput, type Unit } from './texts'
import {
  checkFlags,
  follow,
  LEARNING_RATES,
  makeSchedule,
  watchers,
  type RunFlags,
} from './commands/train'

export interface TrainCommandOptions extends RunFlags {
  text: string
  valid?: string
  unit: Unit
  cell: CellName
  layers: number
  hidden: number
  embedding?: number
  tieWeights: boolean
  steps: number
  batch?: number
  dropout: number
}

export async function train(options: TrainCommandOptions): Promise<void> {
  const { unit, steps, maxSeconds } = options
  await checkFlags(options, options.valid !== undefined, '--valid')
  const text = await readInput(options.text, unit === 'byte')
  const validation =
    options.valid === undefined ? undefined : await readInput(options.valid, unit === 'byte')
  await using model = new LanguageModel({ ...options, tokenizer: makeTokenizer(unit, text) })
  const tokens = typeof text === 'string' ? model.tokenizer.encode(text) : text
  const fitting = Math.max(1, Math.floor((tokens.length - 1) / steps))
  const { batch = Math.min(50, fitting) } = options
  const { epochs = maxSeconds === undefined ? 10 : undefined } = options
  const stepsPerEpoch = Math.ceil(Math.floor((tokens.length - 1) / batch) / steps)
  const totalSteps = epochs === undefined ? undefined : epochs * stepsPerEpoch
  const { optimizer, learningRate: lr = LEARNING_RATES[optimizer] } = options

  const run = model.fit(tokens, {
    ...options,
    validation,
    batch,
    epochs,
    optimizer: createOptimizer(optimizer, { lr }),
    schedule: makeSchedule(options, totalSteps),
    watch: watchers(options),
  })
  await follow(run)
}
