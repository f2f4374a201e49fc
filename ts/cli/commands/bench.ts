import type { Command } from 'commander'
import { CELL_NAMES } from '../../models/parts/recurrent-options'
import { choice, count, flag, type Made } from '../../schema'
import { addFlags, device, json, precision, takeFlags, threads, type Flags } from '../arguments'
import { setThreads } from '../threads'

const DEVICES = ['cpu', 'cuda'] as const

const rnnFlags = {
  cell: choice(CELL_NAMES, { about: 'kind of cell', default: 'lstm' }),
  layers: count({ about: 'layers', default: 1 }),
  steps: count({ about: 'time steps', default: 50 }),
  batch: count({ about: 'sequences', default: 64 }),
  input: count({ about: 'features of a step', default: 512 }),
  hidden: count({ about: 'units of a layer', default: 512 }),
  bidirectional: flag({ about: 'add a second direction', default: false }),
  mode: choice(['infer', 'train'], {
    ...{ about: 'forward only, or forward and backward', default: 'infer' },
  }),
  precision,
  device: device(DEVICES),
  threads,
  runs: count({ about: 'measured runs', default: 15 }),
  json,
}

type RnnFlags = Made<typeof rnnFlags>

export function addBench(program: Command): void {
  const bench = program.command('bench').description('measure kernels')
  const rnn = bench.command('rnn').description('time a recurrent stack over whole sequences')
  addFlags(rnn, rnnFlags).action((flags: Flags) => benchRnn(takeFlags(rnnFlags, flags)))
}

const WARM_UP = 3

/** Times whole sequences, each awaited. In training every run packs new weights and computes dx. */
async function benchRnn(options: RnnFlags): Promise<void> {
  const { enqueueRun, makeStack, recurrentFlops } = await import('../bench.js')
  const { info, randn, synchronize } = await import('../../tensor/index.js')
  const { chooseDevice } = await import('../../tensor/device.js')
  const { printJson, printTable } = await import('../../watch/output.js')
  const device = chooseDevice(options.device).device
  await setThreads(options.threads)
  await synchronize()

  const { cell, layers, steps, batch, input, hidden, bidirectional, mode, precision, runs } =
    options
  const train = mode === 'train'
  using stack = makeStack({ ...options, device })
  stack.train(train)
  const x = randn([steps, batch, input], { seed: 2, device, requiresGrad: train })
  const dy = train ? randn([steps, batch, hidden * stack.directions], { seed: 3, device }) : null

  const times: number[] = []
  for (let run = -WARM_UP; run < runs; ++run) {
    const began = performance.now()
    enqueueRun(stack, x, dy)
    await synchronize()
    if (run >= 0) times.push(performance.now() - began)
  }
  x.dispose()
  dy?.dispose()
  times.sort((a, b) => a - b)
  const middle = times.length >> 1
  const upper = times[middle] as number
  const milliseconds = times.length % 2 === 1 ? upper : ((times[middle - 1] as number) + upper) / 2
  const { threads, isa } = info()
  const result = {
    milliseconds,
    min: times[0] as number,
    max: times.at(-1) as number,
    gflops: recurrentFlops(stack, steps, batch, train) / milliseconds / 1e6,
    threads,
    isa,
    device,
    ...{ cell, layers, steps, batch, input, hidden, bidirectional, mode, precision, runs },
  }
  if (options.json) return printJson(result)
  printTable({
    median: `${result.milliseconds.toFixed(3)} ms`,
    range: `${result.min.toFixed(3)} to ${result.max.toFixed(3)} ms over ${runs} runs`,
    speed: `${result.gflops.toFixed(1)} GFLOP/s`,
    engine: `${device}, ${isa}, ${threads} thread${threads === 1 ? '' : 's'}`,
  })
}
