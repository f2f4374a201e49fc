import type { Command } from 'commander'
import { count, positive, wholeNumber } from '../../schema'
import { addFlags, neededPicture, takeFlags, threads, type Flags } from '../arguments'
import { setThreads } from '../threads'

const gradientFlags = {
  output: neededPicture('the page to write'),
  steps: count({ about: 'symbols between the first and the question', default: 30 }),
  hidden: count({ about: 'units of a net', default: 32 }),
  updates: count({ about: 'steps of training', default: 1000 }),
  rate: positive({ about: 'the learning rate', default: 1, argument: '<x>' }),
  clipNorm: positive({ about: 'largest norm of a clipped gradient', default: 1, argument: '<x>' }),
  seed: wholeNumber({ about: 'of initial values and data', default: 1 }),
  threads,
}

export function addReport(program: Command): void {
  const report = program.command('report').description('pages of what goes on in networks')
  const gradients = report
    .command('gradients')
    .description('draw what gradients reach the states of an RNN, an LSTM and a GRU (needs Vega)')
  addFlags(gradients, gradientFlags).action(async (flags: Flags) => {
    const { threads, ...options } = takeFlags(gradientFlags, flags)
    const { reportGradients } = await import('../gradients.js')
    await setThreads(threads)
    await reportGradients(options, (line) => process.stdout.write(`${line}\n`))
  })
}
