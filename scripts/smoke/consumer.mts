// Compiled by scripts/smoke/readme.mjs beside a README's examples: what users may count on in the declarations.
import * as rnnative from 'rnnative'
import { LanguageModel, nn, ops, optim, RnnativeError, scope, tensor, Tokenizer } from 'rnnative'
import type { AbortSignalLike, ErrorCode, Tensor } from 'rnnative'

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

export const codeOf = (error: unknown): ErrorCode | null =>
  error instanceof RnnativeError ? error.code : null
