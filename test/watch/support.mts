import { Writable } from 'node:stream'
import type { RunPlan, TrainingEvent, TrainingResult } from 'rnnative'

export const plan = (changes: Partial<RunPlan> = {}): RunPlan => ({
  stepsPerEpoch: 10,
  steps: 40,
  maxSeconds: null,
  changed: [],
  begun: { step: 0, seconds: 0 },
  unit: 'tokens',
  parameters: 12345,
  device: 'cpu',
  facts: { tokens: 5000, vocabulary: 60, order: 'shuffled' },
  ...changes,
})

export const event = (step: number, changes: Partial<TrainingEvent> = {}): TrainingEvent => ({
  step,
  epoch: 1 + Math.floor((step - 1) / 10),
  loss: 3 / step,
  gradientNorm: 0.5,
  learningRate: 0.01,
  unit: 'tokens',
  items: step * 500,
  itemsPerSecond: 258600,
  seconds: step / 4,
  ...changes,
})

export const result: TrainingResult = {
  stopped: 'steps',
  step: 40,
  epochs: 4,
  unit: 'tokens',
  items: 20000,
  seconds: 10,
  loss: 0.075,
  validation: 1.25,
  best: { step: 20, loss: 1.2 },
  checkpoint: 'runs/x/step-40',
}

/** Keeps what is written to it; a terminal of so many columns, or none. */
export class Screen extends Writable {
  text = ''
  readonly isTTY: boolean
  readonly columns: number

  constructor(columns = 0) {
    super()
    this.isTTY = columns > 0
    this.columns = columns
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }

  get stream(): NodeJS.WriteStream {
    return this as unknown as NodeJS.WriteStream
  }

  /** All that stood in a line at some time, without the codes that move and colour. */
  get drawn(): string[] {
    // eslint-disable-next-line no-control-regex
    const parts = this.text.split(/\x1b(?:[78]|\[[?\d;]*[a-zA-Z])|\r|\n/)
    return parts.filter((part) => part !== '')
  }

  /** The lines that are left when all is done. */
  get lines(): string[] {
    return this.text.split('\n').map((line) => {
      // eslint-disable-next-line no-control-regex
      const [last = ''] = line.split(/\x1b\[2K|\x1b\[1G|\r/).slice(-1)
      // eslint-disable-next-line no-control-regex
      return last.replaceAll(/\x1b(?:[78]|\[[?\d;]*[a-zA-Z])/g, '')
    })
  }
}
