// Compiled by scripts/smoke/readme.mjs beside a README's examples: what users may count on in the declarations.
import * as rnnative from 'rnnative'
import { full, LanguageModel, nn, ops, optim, randn, RnnativeError, scope, tensor } from 'rnnative'
import { Tokenizer, zeros } from 'rnnative'
import type { AbortSignalLike, DeviceOption, ErrorCode, Tensor, TensorOptions } from 'rnnative'
import type { TypedArray } from 'rnnative'

export const names: (keyof typeof rnnative)[] = [
  'LanguageModel',
  'Trainer',
  'io',
  'metrics',
  'report',
]

/** Resources, whatever the project's `lib`. */
export async function train(text: string, signal: AbortSignalLike): Promise<number | null> {
  await using lm = new LanguageModel({ tokenizer: Tokenizer.characters(text), hidden: 8 })
  for await (const { step, loss } of lm.fit(text, { signal })) if (step > 10 && loss < 1) break
  const { loss } = await lm.fit(text, { optimizer: optim.adam({ lr: 1e-3 }) })
  return loss
}

/** Modules of one's own. */
export class Doubled extends nn.Module {
  readonly layer = new nn.Linear(2, 2)

  forward(x: Tensor): Tensor {
    return scope(() => ops.mul(this.layer.forward(x), 2))
  }
}

export async function first(): Promise<number> {
  using x = tensor([[1, 2]])
  using y = new Doubled().forward(x)
  return (await y.data())[0] ?? Number.NaN
}

/** Values are in the array of the dtype. */
export async function arrays(device: DeviceOption): Promise<void> {
  const x = tensor([[1, 2]])
  const reals: Float32Array = await ops.softmax(ops.add(x, zeros([2]))).data()
  const best: Int32Array = await ops.argmax(x).data()
  const ids: Int32Array = await tensor(Int32Array.of(1, 2)).reshape(2, 1).data()
  const counts: Int32Array = await full([2], 1, { dtype: 'i32' }).data()
  const exact: Float64Array = await randn([2], { device: 'reference' }).exp().sum().data()
  const either: Float32Array | Float64Array = await zeros([2], { device }).data()
  const { output } = new nn.LSTM({ input: 2, hidden: 2 }).forward(x.reshape(1, 1, 2))
  const states: Float32Array | Float64Array = await output.data()
  const layer = new nn.Linear(2, 2)
  const product: Float32Array | Float64Array = await ops.matmul(x, layer.weight).add(x).data()
  const any: Tensor = x
  const mixed: TypedArray = await ops.mul(ops.sub(2, any), x).data()
  const options: TensorOptions = {}
  const all: TypedArray[] = [await any.data(), await zeros([1], options).data()]
  // @ts-expect-error Reals are no integers.
  const none: Int32Array = await x.data()
  void [reals, best, ids, counts, exact, either, states, product, mixed, all, none]
}

export const codeOf = (error: unknown): ErrorCode | null =>
  error instanceof RnnativeError ? error.code : null
