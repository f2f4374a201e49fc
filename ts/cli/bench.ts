import type { Recurrent } from '../nn'
import { cellOf } from '../models/parts/recurrent-options'
import { makeRecurrent } from '../nn/recurrent'
import { info, noGrad, randn, scope, setThreads, synchronize } from '../tensor'
import type { Tensor } from '../tensor'
import { chooseDevice, type DeviceOption } from '../tensor/device'
import { gatesOf, type Integers } from '../ops'
import { printJson, printTable } from '../watch/output'
import type { RnnFlags } from './commands/bench'

const WARM_UP = 3

/** 2·T·B·G·H·(I+H) over layers and directions; three times that for forward and backward. */
export function recurrentFlops(
  stack: Recurrent,
  steps: number,
  batch: number,
  train: boolean,
): number {
  const { cell, layers, directions, hidden, input } = stack
  let columns = 0
  for (let layer = 0; layer < layers; ++layer)
    columns += (layer === 0 ? input : directions * hidden) + hidden
  const forward = 2 * steps * batch * gatesOf[cell] * hidden * columns * directions
  return train ? 3 * forward : forward
}

export interface StackOptions extends Pick<
  RnnFlags,
  'cell' | 'layers' | 'input' | 'hidden' | 'bidirectional' | 'precision'
> {
  device: DeviceOption
}

export function makeStack({ cell, ...options }: StackOptions): Recurrent {
  return makeRecurrent(cellOf(cell), { ...options, seed: 1 })
}

/** Makes the weights a new version, as an optimizer's update would, so that they are packed again. */
function touch(stack: Recurrent): void {
  scope(() =>
    noGrad(() => {
      for (const parameter of stack.parameters()) parameter.reshape(-1).slice(0, 1).fill(0.01)
    }),
  )
}

/** One sequence: forward, and backward from `dy` where given, to be awaited with `synchronize`. */
export function enqueueRun(
  stack: Recurrent,
  x: Tensor,
  dy: Tensor | null,
  lengths: Integers | null = null,
): void {
  scope(() => {
    if (dy === null) return void noGrad(() => stack.forward(x, { lengths }))
    touch(stack)
    stack.zeroGrad()
    x.zeroGrad()
    stack.forward(x, { lengths }).output.backward(dy)
  })
}

/** Times whole sequences, each awaited. In training every run packs new weights and computes dx. */
export async function benchRnn(options: RnnFlags): Promise<void> {
  const device = chooseDevice(options.device).device
  if (options.threads !== undefined) setThreads(options.threads)
  await synchronize()

  const { cell, layers, steps, batch, input, hidden, bidirectional, mode, precision, runs } =
    options
  const train = mode === 'train'
  using stack = makeStack({ ...options, device })
  stack.train(train)
  using x = randn([steps, batch, input], { seed: 2, device, requiresGrad: train })
  using dy = train ? randn([steps, batch, hidden * stack.directions], { seed: 3, device }) : null

  const times: number[] = []
  for (let run = -WARM_UP; run < runs; ++run) {
    const began = performance.now()
    enqueueRun(stack, x, dy)
    await synchronize()
    if (run >= 0) times.push(performance.now() - began)
  }
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
