import { checkChoice, checkFlag, checkNames } from '../check'
import { expect } from '../errors'
import { Optimizer } from './optimizer'
import type { GroupOptions, Hyperparameters, OptimizerKind, OptimizerTarget } from './types'

/** An optimizer's kind and settings, not yet bound to parameters. JSON-serialisable. */
export interface OptimizerSpec {
  /** Which optimizer. */
  readonly kind: OptimizerKind
  /** All its settings, defaults included. */
  readonly hyperparameters: Readonly<Hyperparameters>
  /** An {@link Optimizer} of a module or of parameters by name. */
  bind(target: OptimizerTarget, groups?: readonly GroupOptions[]): Optimizer
  /** What a checkpoint has of it. */
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
    lazy: false,
  }
  return {
    sgd: { ...base, lr: 1 },
    adam: base,
    adamw: { ...base, weightDecay: 0.01 },
    rmsprop: { ...base },
    adagrad: { ...base, lr: 0.01, eps: 1e-10 },
  }
})()

/** What each kind uses. */
const OWN: Readonly<Record<OptimizerKind, readonly (keyof Hyperparameters)[]>> = {
  sgd: ['lr', 'weightDecay', 'momentum', 'dampening', 'nesterov', 'lazy'],
  adam: ['lr', 'weightDecay', 'beta1', 'beta2', 'eps', 'lazy'],
  adamw: ['lr', 'weightDecay', 'beta1', 'beta2', 'eps', 'lazy'],
  rmsprop: ['lr', 'weightDecay', 'momentum', 'alpha', 'eps', 'centered', 'lazy'],
  adagrad: ['lr', 'weightDecay', 'lrDecay', 'eps', 'lazy'],
}

function check(kind: OptimizerKind, h: Hyperparameters): void {
  const number = (name: keyof Hyperparameters, expected: string, valid: (x: number) => boolean) =>
    expect(kind, name, typeof h[name] === 'number' && valid(h[name]), expected, h[name])
  for (const name of ['lr', 'weightDecay', 'momentum', 'eps', 'lrDecay'] as const)
    number(name, 'a number of at least 0', (x) => x >= 0 && x < Infinity)
  for (const name of ['beta1', 'beta2', 'alpha'] as const)
    number(name, 'a number in [0, 1)', (x) => x >= 0 && x < 1)
  number('dampening', 'a finite number', Number.isFinite)
  for (const name of ['nesterov', 'centered', 'lazy'] as const) checkFlag(kind, name, h[name])
  const plain = !h.nesterov || (h.momentum !== 0 && h.dampening === 0)
  expect(kind, 'nesterov', plain, 'false without momentum or with dampening', h.nesterov)
}

/**
 * An optimizer by its kind's name; for settings that come from a file or a command line, or as `toJSON`
 * gave them.
 */
export function create(kind: OptimizerKind, options: Partial<Hyperparameters> = {}): OptimizerSpec {
  checkChoice('optimizer', 'kind', kind, Object.keys(defaults))
  checkNames(kind, options, { ...defaults[kind], kind })
  const given = Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name !== 'kind' && value !== undefined),
  )
  // What a file tells of all kinds may stand there; what would be heeded by another kind alone may not.
  const foreign = Object.entries(given).filter(
    ([name, value]) => value !== defaults[kind][name as keyof Hyperparameters],
  )
  const own = Object.fromEntries(OWN[kind].map((name) => [name, true]))
  checkNames(kind, Object.fromEntries(foreign), own)
  const hyperparameters: Hyperparameters = Object.freeze({ ...defaults[kind], ...given })
  check(kind, hyperparameters)
  return {
    kind,
    hyperparameters,
    bind: (target, groups = []) => new Optimizer(kind, hyperparameters, target, groups),
    toJSON: () => ({ kind, ...given }),
  }
}

/**
 * Settings of {@link sgd}.
 *
 * @interface
 */
export type SgdOptions = Partial<
  Pick<Hyperparameters, 'lr' | 'weightDecay' | 'momentum' | 'dampening' | 'nesterov' | 'lazy'>
>
/**
 * Settings of {@link adam} and {@link adamw}.
 *
 * @interface
 */
export type AdamOptions = Partial<
  Pick<Hyperparameters, 'lr' | 'weightDecay' | 'beta1' | 'beta2' | 'eps' | 'lazy'>
>
/**
 * Settings of {@link rmsprop}.
 *
 * @interface
 */
export type RmspropOptions = Partial<
  Pick<Hyperparameters, 'lr' | 'weightDecay' | 'momentum' | 'alpha' | 'eps' | 'centered' | 'lazy'>
>
/**
 * Settings of {@link adagrad}.
 *
 * @interface
 */
export type AdagradOptions = Partial<
  Pick<Hyperparameters, 'lr' | 'weightDecay' | 'lrDecay' | 'eps' | 'lazy'>
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
