import type { Command } from 'commander'
import { CELL_NAMES } from '../../models/parts/recurrent-options'
import { choice, count, flag, type Made } from '../../schema'
import { addFlags, device, json, precision, takeFlags, threads, type Flags } from '../arguments'

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

export type RnnFlags = Made<typeof rnnFlags>

export function addBench(program: Command): void {
  const bench = program.command('bench').description('measure kernels')
  const rnn = bench.command('rnn').description('time a recurrent stack over whole sequences')
  addFlags(rnn, rnnFlags).action(async (flags: Flags) => {
    const { benchRnn } = await import('../bench.js')
    await benchRnn(takeFlags(rnnFlags, flags))
  })
}
