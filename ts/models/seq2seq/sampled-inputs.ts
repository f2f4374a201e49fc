import type { PairBatch, Portion } from '../../data'
import { noGrad, scope, tensor, type Tensor } from '../../tensor'
import { randomUniforms, streamKey } from '../../tensor/random'
import * as ops from '../../ops'
import type { Seq2SeqNetwork } from './network'
import type { SamplingSchedule } from './scheduled-sampling'

/**
 * Scheduled sampling (Bengio et al. 2015): each token that a decoder reads, but the first, is the true
 * one with the schedule's probability and else the one the model itself thinks the likeliest. The
 * inputs are found step by step without gradients and without dropout; as no gradient flows through
 * the choices, learning from them in one pass over whole targets is the same.
 */
export class ScheduledSampling {
  private readonly key: Uint32Array

  constructor(
    private readonly schedule: SamplingSchedule,
    seed: number,
  ) {
    this.key = streamKey(seed, 'scheduled sampling')
  }

  /** i32 [time, rows], on the device; undefined where all are true. `within`: where its rows are among others. */
  inputs(
    network: Seq2SeqNetwork,
    batch: PairBatch,
    step: number,
    within: Portion<PairBatch>['within'] = { first: 0, rows: batch.rows },
  ): Tensor | undefined {
    const truth = this.schedule.truth(step)
    if (truth >= 1) return undefined
    const { rows, target } = batch
    const draws = randomUniforms({ key: this.key, step, sampleBase: 0 }, target.steps * within.rows)
    const drawOf = (i: number) =>
      draws[Math.floor(i / rows) * within.rows + within.first + (i % rows)] as number
    const given = Int32Array.from(target.ids, (id, i) => (i < rows || drawOf(i) < truth ? id : -1))
    network.eval()
    return scope(() => noGrad(() => this.decode(network, batch, given)))
  }

  private decode(network: Seq2SeqNetwork, { source, rows, target }: PairBatch, given: Int32Array) {
    const { sources, state: first } = network.encode(source)
    const { device } = network.decoder.output.weight
    let state = first
    let ids = tensor(given.slice(0, rows), [1, rows], { device })
    const chosen = [ids]
    for (let t = 1; t < target.steps; ++t) {
      const made = network.decoder.forward(ids, { sources, state, first: t - 1 })
      state = made.state
      const logits = network.decoder.output.forward(made.features)
      const flat = ops.reshape(logits, [rows, logits.shape[2] as number])
      const own = given.subarray(t * rows, (t + 1) * rows)
      const { tokens } = ops.sampleTokens(flat, { given: own, temperature: 0 })
      ids = ops.reshape(tokens, [1, rows])
      chosen.push(ids)
    }
    return ops.concat(chosen, 0)
  }
}
