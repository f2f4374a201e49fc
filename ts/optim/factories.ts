import { RnnativeError } from '../errors'
import { Optimizer } from './optimizer'
import type { GroupOptions, Hyperparameters, OptimizerKind, OptimizerTarget } from './types'

/** An optimizer's kind and settings, not yet bound to parameters. JSON-serialisable. */
export interface OptimizerSpec {
  readonly kind: OptimizerKind
  readonly hyperparameters: Readonly<Hyperparameters>
  bind(target: OptimizerTarget, groups?: readonly GroupOptions[]): Optimizer
  toJSON(): { kind: OptimizerKind } & Partial<Hyperparameters>
}

/** torch.optim's defaults; learning rates too, but for SGD's and RMSProp's. */
const defaults: Readonly<Record<OptimizerKind, Hyperparameters>> = (() => {
  const base: Hyperparameters = {
    lr: 1e-3,
    weightDecay: 0,
    momentum: 0,
    dampening: 0,
    nesterov: false,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    alpha: 0.99,
    centered: false,
    lrDecay: 0,
  }
  return {
    sgd: { ...base, lr: 1 },
    adam: base,
    adamw: { ...base, weightDecay: 0.01 },
    rmsprop: { ...base },
    adagrad: { ...base, lr: 0.01, eps: 1e-10 },
  }
})()

function check(kind: OptimizerKind, h: Hyperparameters): void {
  const problem = (name: keyof Hyperparameters, expected: string) =>
    new RnnativeError(
      'ERR_ARGUMENT',
      `[${kind}] ${name}: expected ${expected}, got ${String(h[name])}`,
    )
  for (const name of ['lr', 'weightDecay', 'momentum', 'eps', 'lrDecay'] as const)
    if (!(Number.isFinite(h[name]) && h[name] >= 0)) throw problem(name, 'a number of at least 0')
  for (const name of ['beta1', 'beta2', 'alpha'] as const)
    if (!(h[name] >= 0 && h[name] < 1)) throw problem(name, 'a number in [0, 1)')
  if (h.nesterov && (h.momentum === 0 || h.dampening !== 0))
    throw problem('nesterov', 'false without momentum or with dampening')
}

/**
 * An optimizer by its kind's name; for settings that come from a file or a command line, or as `toJSON`
 * gave them.
 */
export function create(kind: OptimizerKind, options: Partial<Hyperparameters> = {}): OptimizerSpec {
  if (!Object.hasOwn(defaults, kind))
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[optimizer] kind: expected ${Object.keys(defaults).join(', ')}, got ${String(kind)}`,
    )
  const given = Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name !== 'kind' && value !== undefined),
  )
  for (const name of Object.keys(given))
    if (!Object.hasOwn(defaults[kind], name))
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[${kind}] ${name}: expected one of ${Object.keys(defaults[kind]).join(', ')}`,
      )
  const hyperparameters: Hyperparameters = Object.freeze({ ...defaults[kind], ...given })
  check(kind, hyperparameters)
  return {
    kind,
    hyperparameters,
    bind: (target, groups = []) => new Optimizer(kind, hyperparameters, target, groups),
    toJSON: () => ({ kind, ...given }),
  }
}

export type SgdOptions = Partial<
  Pick<Hyperparameters, 'lr' | 'weightDecay' | 'momentum' | 'dampening' | 'nesterov'>
>
export type AdamOptions = Partial<
  Pick<Hyperparameters, 'lr' | 'weightDecay' | 'beta1' | 'beta2' | 'eps'>
>
export type RmspropOptions = Partial<
  Pick<Hyperparameters, 'lr' | 'weightDecay' | 'momentum' | 'alpha' | 'eps' | 'centered'>
>
export type AdagradOptions = Partial<
  Pick<Hyperparameters, 'lr' | 'weightDecay' | 'lrDecay' | 'eps'>
>

/** Stochastic gradient descent; learning rate 1 unless given, momentum as in torch.optim.SGD. */
export const sgd = (options: SgdOptions = {}): OptimizerSpec => create('sgd', options)

/** Adam (Kingma & Ba 2015); weight decay is added to the gradient. */
export const adam = (options: AdamOptions = {}): OptimizerSpec => create('adam', options)

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019), 0.01 unless given. */
export const adamw = (options: AdamOptions = {}): OptimizerSpec => create('adamw', options)

/** RMSProp (Hinton 2012), optionally centered (Graves 2013). */
export const rmsprop = (options: RmspropOptions = {}): OptimizerSpec => create('rmsprop', options)

/** Adagrad (Duchi et al. 2011). */
export const adagrad = (options: AdagradOptions = {}): OptimizerSpec => create('adagrad', options)
