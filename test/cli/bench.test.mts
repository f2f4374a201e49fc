import test from 'ava'
import { rnnative } from './support.mjs'

for (const mode of ['infer', 'train'])
  for (const cell of ['lstm', 'gru', 'rnn'])
    test(`bench rnn: ${cell} ${mode}`, async (t) => {
      const precision = cell === 'gru' ? 'bf16' : 'f32'
      const flags = [
        '--layers',
        2,
        '--steps',
        3,
        '--batch',
        2,
        '--input',
        4,
        '--hidden',
        5,
        '--runs',
        4,
      ]
      const { code, lines } = await rnnative([
        ...['bench', 'rnn', '--cell', cell, ...flags, '--bidirectional', '--mode', mode],
        ...['--precision', precision, '--device', 'cpu', '--threads', 1, '--json'],
      ])
      t.is(code, 0)
      const [result = {}] = lines
      const ms = result['milliseconds'] as number
      t.true((result['min'] as number) <= ms && ms <= (result['max'] as number))
      const gates = { lstm: 4, gru: 3, rnn: 1 }[cell] as number
      const forward = 2 * 3 * 2 * gates * 5 * 2 * (4 + 5 + (10 + 5))
      const flops = mode === 'train' ? 3 * forward : forward
      t.true(Math.abs((result['gflops'] as number) - flops / ms / 1e6) < 1e-9)
      t.like(result, { threads: 1, device: 'cpu', mode, precision })
      t.is(typeof result['isa'], 'string')
    })
