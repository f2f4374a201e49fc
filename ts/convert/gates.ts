/**
 * The one table of gate orders and biases. Gates by their usual letters: i f g o of an LSTM (g is called c in Keras and
 * ONNX), r z n of a GRU (n: h), h of what has one sum.
 *
 * |         | LSTM    | GRU   | RNN | weights                    | biases                                             |
 * | ------- | ------- | ----- | --- | -------------------------- | -------------------------------------------------- |
 * | ours    | i f g o | r z n | h   | rows are gates: [G*H, in]  | two: bias_ih, bias_hh, [G*H] each                  |
 * | PyTorch | i f g o | r z n | h   | rows are gates: [G*H, in]  | two: bias_ih, bias_hh, [G*H] each                  |
 * | Keras   | i f g o | z r n | h   | columns are: [in, G*H]     | one: [G*H]; of a GRU with reset_after two: [2, 3H] |
 * | ONNX    | i o f g | z r n | h   | rows are gates: [G*H, in]  | two, joined: [2*G*H]                               |
 *
 * All reckon a GRU's state as h' = (1 - z) n + z h. An LSTM whose gates are coupled has the rows i g o here and those of
 * ONNX there, where f is not read (`input_forget`).
 */
export type GateFormat = 'torch' | 'keras' | 'onnx'

interface Orders {
  /** By gates of a cell. */
  readonly 1: string
  readonly 3: string
  readonly 4: string
  /** What two sums of gates that are added have for biases. */
  readonly biases: 'two' | 'one' | 'joined'
}

/**
 * The order of gates in a row of weights, by format and cell: what is read is brought into PyTorch's.
 */
export const gateOrders: Readonly<Record<GateFormat, Orders>> = {
  torch: { 1: 'h', 3: 'rzn', 4: 'ifgo', biases: 'two' },
  keras: { 1: 'h', 3: 'zrn', 4: 'ifgo', biases: 'one' },
  onnx: { 1: 'h', 3: 'zrn', 4: 'iofg', biases: 'joined' },
}

/** Rows of ours where f is 1 - i. */
export const COUPLED = 'igo'

export type GateCount = 1 | 3 | 4
export const isGateCount = (count: number): count is GateCount =>
  count === 1 || count === 3 || count === 4

/** Blocks of equal size in another order. A gate that is not among `from` is zeros. */
export function reorder(data: Float32Array, from: string, to: string): Float32Array {
  const block = data.length / from.length
  const made = new Float32Array(to.length * block)
  for (const [i, gate] of [...to].entries()) {
    const at = from.indexOf(gate) * block
    if (at >= 0) made.set(data.subarray(at, at + block), i * block)
  }
  return made
}

/** [rows, columns] to [columns, rows]. */
export function transpose(data: Float32Array, rows: number, columns: number): Float32Array {
  const made = new Float32Array(data.length)
  for (let i = 0; i < rows; ++i)
    for (let j = 0; j < columns; ++j) made[j * rows + i] = data[i * columns + j] as number
  return made
}
