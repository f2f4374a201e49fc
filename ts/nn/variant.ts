/** What the literature changes in a cell, as options. */
import { checkFlag, isListOf, oneOf } from '../check'
import { expect } from '../errors'
import type * as ops from '../ops'
import { resolveCellOptions } from '../ops/cells'
import type { ThresholdsSpec } from '../thresholds'

const GATES = ['i', 'f', 'o'] as const
/** A gate of an LSTM that may see c. */
export type PeepholeGate = (typeof GATES)[number]

/** What may be other in a GRU. */
export interface GRUVariant {
  /** In place of sigmoid for r and z, and of tanh for n. */
  activations?:
    { gate?: ops.Activation | undefined; candidate?: ops.Activation | undefined } | undefined
  /** The sums of gates and candidate are kept within ± this before their activation (ONNX's `clip`). */
  gateClip?: number | undefined
  /** As {@link LSTMVariant.layerNorm}; W x and R h have r and z together, and n by itself. */
  layerNorm?: boolean | undefined
}

/** What makes an LSTM another cell: see the guide to cells. */
export interface LSTMVariant {
  /**
   * Gates that see c, each through a vector of weights: those of i and f see it before the step, that of o after
   * it (Gers et al. 2002). True: all of them. Parameters `peephole_i_l0` and so on, [hidden].
   */
  peephole?: boolean | readonly PeepholeGate[] | undefined
  /** The forget gate is 1 - i (Greff et al. 2017): three gates, i g o, and a quarter fewer weights. */
  coupled?: boolean | undefined
  /** In place of sigmoid for the gates, and of tanh for the candidate g and for c' on its way to h'. */
  activations?:
    | {
        /** Of the gates. */
        gate?: ops.Activation | undefined
        /** Of the candidate g. */
        candidate?: ops.Activation | undefined
        /** Of c' on its way to h'. */
        output?: ops.Activation | undefined
      }
    | undefined
  /** The sums of gates and candidate are kept within ± this before their activation (ONNX's `clip`). */
  gateClip?: number | undefined
  /** c is kept within ± this after each step. */
  cellClip?: number | undefined
  /**
   * Features of h where they are to be fewer than units (Sak et al. 2014; PyTorch's `proj_size`): what the cell
   * makes is multiplied by `weight_hr_l0`, [projection, hidden]. So h, the outputs and the recurrent weights are
   * narrower; c is not.
   */
  projection?: number | undefined
  /**
   * Layer norm inside the cell (Ba et al. 2016): W x, R h, and c' as the output sees it are normalised over
   * a sample's units, then multiplied by a gain: `norm_ih_l0`, `norm_hh_l0` [gates*hidden], `norm_c_l0`,
   * `norm_c_bias_l0` [hidden].
   */
  layerNorm?: boolean | undefined
}

export const VARIANT_NAMES = {
  ...{ peephole: true, coupled: true, activations: true, gateClip: true, cellClip: true },
  ...{ projection: true, layerNorm: true },
} as const satisfies Record<keyof LSTMVariant, true>

export const GRU_VARIANT_NAMES = {
  ...{ activations: true, gateClip: true, layerNorm: true },
} as const satisfies Record<keyof GRUVariant, true>

/** The cell that a variant is, its gates that see c, the options of its math, and features of h; undefined: none. */
export interface ChosenVariant {
  cell: ops.Cell
  peepholes: readonly PeepholeGate[]
  cellOptions: ops.CellOptions | undefined
  projection: number | undefined
  layerNorm: boolean
}

function peepholesOf(
  given: NonNullable<LSTMVariant['peephole']>,
  coupled: boolean,
): readonly PeepholeGate[] {
  const known = GATES.filter((gate) => gate !== 'f' || !coupled)
  if (typeof given === 'boolean') return given ? known : []
  const valid = isListOf(given, (gate) => known.includes(gate as PeepholeGate))
  expect('lstm', 'peephole', valid, `true, false or a list of ${oneOf(known)}`, given)
  return given
}

/** `ERR_ARGUMENT` for options that make no sense. */
export function chooseVariant({
  peephole = false,
  coupled = false,
  activations,
  gateClip,
  cellClip,
  projection,
  layerNorm = false,
}: LSTMVariant): ChosenVariant {
  checkFlag('lstm', 'layerNorm', layerNorm)
  expect('lstm', 'coupled', typeof coupled === 'boolean', 'true or false', coupled)
  const peepholes = peepholesOf(peephole, coupled)
  const plain = activations === undefined && gateClip === undefined && cellClip === undefined
  if (plain && peepholes.length === 0 && !coupled)
    return { cell: 'lstm', peepholes, cellOptions: undefined, projection, layerNorm }
  const cell = coupled ? 'lstm_coupled' : 'lstm_general'
  const given = { ...activations, gateClip, cellClip }
  const cellOptions = resolveCellOptions('lstm', cell, given)
  return { cell, peepholes, cellOptions, projection, layerNorm }
}

/** The same of a cell that has nothing but activations and a bound of its sums; `general`: where one is given. */
export function chooseActivations(
  plain: ops.Cell,
  general: ops.Cell,
  { gateClip, ...activations }: ops.CellOptions,
): ChosenVariant {
  const usual = Object.values({ gateClip, ...activations }).every((value) => value === undefined)
  const none = { peepholes: [], projection: undefined, layerNorm: false }
  if (usual && plain !== general) return { ...none, cell: plain, cellOptions: undefined }
  const given = { ...activations, gateClip }
  const cellOptions = resolveCellOptions(plain, general, given)
  return { ...none, cell: general, cellOptions }
}

/** What makes the cell of any recurrent layer another. */
export interface Variant extends LSTMVariant {
  /** What is taken from the sums of gates. */
  thresholds?: ThresholdsSpec | undefined
}

/** The options of a variant among others. */
export const variantOf = (given: Variant): Variant => {
  const { peephole, coupled, activations, gateClip, cellClip, ...more } = given
  const { projection, layerNorm, thresholds } = more
  const own = { peephole, coupled, activations, gateClip, cellClip }
  return { ...own, projection, layerNorm, thresholds }
}
