import type { Hyperparameters, OptimizerKind } from './types'

/** Names of the state buffers in the places where the fused update wants them. */
export function stateNames({
  kind,
  hyperparameters: h,
}: {
  kind: OptimizerKind
  hyperparameters: Readonly<Hyperparameters>
}) {
  const momentum = h.momentum === 0 ? null : 'momentum'
  switch (kind) {
    case 'sgd':
      return [momentum]
    case 'adam':
    case 'adamw':
      return ['m', 'v']
    case 'rmsprop':
      return ['v', momentum, h.centered ? 'average' : null]
    case 'adagrad':
      return ['sum']
  }
}
