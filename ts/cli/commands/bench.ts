import type { Command } from 'commander'
import {
  CELLS,
  choice,
  count,
  deviceOption,
  jsonOption,
  precisionOption,
  threadsOption,
} from '../arguments'
import type { BenchOptions } from '../bench'

export function addBench(program: Command): void {
  const bench = program.command('bench').description('measure kernels')
  bench
    .command('rnn')
    .description('time a recurrent stack over whole sequences')
    .addOption(choice('--cell <name>', 'kind of cell', CELLS).default('lstm'))
    .option('--layers <n>', 'layers', count, 1)
    .option('--steps <n>', 'time steps', count, 50)
    .option('--batch <n>', 'sequences', count, 64)
    .option('--input <n>', 'features of a step', count, 512)
    .option('--hidden <n>', 'units of a layer', count, 512)
    .option('--bidirectional', 'add a second direction', false)
    .addOption(
      choice('--mode <name>', 'forward only, or forward and backward', ['infer', 'train']).default(
        'infer',
      ),
    )
    .addOption(precisionOption().default('f32'))
    .addOption(deviceOption(['cpu', 'cuda']))
    .addOption(threadsOption())
    .option('--runs <n>', 'measured runs', count, 15)
    .addOption(jsonOption())
    .action(async (options: BenchOptions & { json?: true }) => {
      const { benchRnn } = await import('../bench.js')
      await benchRnn(options, options.json === true)
    })
}
