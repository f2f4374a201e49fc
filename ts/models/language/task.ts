import { createHash } from 'node:crypto'
import { RnnativeError } from '../../errors'
import { TokenStreams } from '../../data'
import type { CheckpointFiles } from '../../io/checkpoint'
import type { HostTensor, RandomContext, RecurrentState } from '../../nn'
import { scope, tensor, zeros, type Tensor, type TypedArray } from '../../tensor'
import * as ops from '../../ops'
import type { TrainingStep, TrainingTask } from '../../train/task'
import { detachState, disposeState } from '../parts/stack'
import type { LanguageNetwork } from './network'
import { joinRows, splitRows } from '../parts/rows'

/** A part of the batch that is computed in one go. */
interface Part {
  firstRow: number
  rows: number
  state: RecurrentState | null
}

export interface LanguageTaskOptions {
  batch: number
  steps: number
  accumulate: number
  vocabulary: number
  validate: (() => Promise<number>) | undefined
  modelFiles: () => Promise<CheckpointFiles>
}

/** Next-token prediction by truncated backpropagation through time over parallel streams. */
export class LanguageTask implements TrainingTask {
  readonly unit = 'tokens'
  readonly facts: Readonly<Record<string, number>>
  readonly identity: Readonly<Record<string, unknown>>
  readonly validate: (() => Promise<number>) | undefined
  readonly modelFiles: () => Promise<CheckpointFiles>
  private readonly streams: TokenStreams
  private readonly parts: Part[]
  /** Whether states stay in the same tensors: a program knows those it was recorded with. */
  private inPlace = false

  constructor(
    readonly module: LanguageNetwork,
    tokens: Int32Array,
    { batch, steps, accumulate, vocabulary, validate, modelFiles }: LanguageTaskOptions,
  ) {
    if (accumulate > batch)
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[fit] accumulate: expected at most the batch of ${batch}, got ${accumulate}`,
      )
    this.streams = new TokenStreams(tokens, { batch, steps })
    this.parts = Array.from({ length: accumulate }, (_, i) => {
      const firstRow = Math.floor((i * batch) / accumulate)
      return { firstRow, rows: Math.floor(((i + 1) * batch) / accumulate) - firstRow, state: null }
    })
    const text = createHash('sha256').update(tokens).digest('hex')
    this.identity = {
      model: 'LanguageModel',
      batch,
      steps,
      vocabulary,
      tokens: tokens.length,
      text,
    }
    this.facts = { tokens: tokens.length, vocabulary, batch }
    this.validate = validate
    this.modelFiles = modelFiles
  }

  get stepsPerEpoch(): number {
    return this.streams.windows
  }

  step(index: number, step: number, random: RandomContext, programs: boolean): TrainingStep {
    this.module.train()
    this.inPlace = programs
    const { batch } = this.streams
    const windows = this.parts.map(({ firstRow, rows }) =>
      this.streams.window(index, firstRow, rows),
    )
    const steps = windows[0]?.steps ?? 0
    if (programs) for (const part of this.parts) part.state ??= this.firstState(part.rows)
    return {
      tokens: windows.reduce((sum, { targets }) => sum + targets.length, 0),
      inputs: windows.flatMap(({ rows, inputs, targets }) =>
        [inputs, targets].map((data) => ({ shape: [steps, rows], data })),
      ),
      key: programs ? String(steps) : null,
      gradient: (given) =>
        this.parts.map((part, i) => {
          random.set({ step, sampleBase: part.firstRow })
          const [ids, targets] = given.slice(2 * i) as [Tensor, Tensor]
          const carried = part.state
          const { loss, state } = scope(() =>
            this.partGradient(ids, targets, carried, steps * batch),
          )
          this.carry(part, state)
          return loss
        }),
    }
  }

  private firstState(rows: number): RecurrentState {
    const { rnn, output } = this.module
    const make = () =>
      zeros([rnn.layers * rnn.directions, rows, rnn.hidden], { device: output.weight.device })
    return ops.hasC[rnn.cell] ? { h: make(), c: make() } : { h: make() }
  }

  /** The sum of losses over `count`, the real tokens of all parts, so that parts add up to the batch. */
  private partGradient(
    ids: Tensor,
    targets: Tensor,
    carried: RecurrentState | null,
    count: number,
  ): { loss: Tensor; state: RecurrentState } {
    const { output, state } = this.module.forward(ids, carried)
    const next = detachState(state)
    const { weight, bias, precision } = this.module.output
    const { losses } = ops.crossEntropyLosses(output, targets, { weight, bias, precision })
    const loss = ops.sum(losses).mul(1 / count)
    loss.backward()
    return { loss: loss.detach(), state: next }
  }

  private carry(part: Part, state: RecurrentState): void {
    const { h, c } = (this.inPlace && part.state) || {}
    if (h) h.assign(state.h)
    if (c && state.c) c.assign(state.c)
    disposeState(h ? state : part.state)
    if (!h) part.state = state
  }

  reset(): void {
    if (!this.inPlace) return this.dispose()
    for (const { state } of this.parts) for (const value of [state?.h, state?.c]) value?.fill(0)
  }

  async carried(): Promise<Map<string, HostTensor>> {
    const names = Object.keys(this.parts[0]?.state ?? {}) as (keyof RecurrentState)[]
    const joined = names.map(async (name) => {
      const parts = this.parts.map(({ state }) => state?.[name] as Tensor)
      const values = await Promise.all(parts.map((part) => part.data()))
      return [
        name,
        joinRows(parts.map(({ shape }, i) => ({ shape, data: values[i] as TypedArray }))),
      ] as const
    })
    return new Map(await Promise.all(joined))
  }

  restoreCarried(tensors: ReadonlyMap<string, HostTensor>): void {
    this.dispose()
    const h = tensors.get('h')
    if (h === undefined) return
    const c = tensors.get('c')
    const { device } = this.module.output.weight
    const part = (value: HostTensor, { firstRow, rows }: Part) => {
      const { data, shape } = splitRows(value, firstRow, rows)
      return tensor(data, shape, { device })
    }
    for (const entry of this.parts)
      entry.state = c ? { h: part(h, entry), c: part(c, entry) } : { h: part(h, entry) }
  }

  dispose(): void {
    for (const part of this.parts) {
      disposeState(part.state)
      part.state = null
    }
  }
}
