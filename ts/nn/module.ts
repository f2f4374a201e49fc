import { checkFlag, checkWhole, optionsOf } from '../check'
import { expect } from '../errors'
import { isMap, isPlain } from '../kinds'
import { atOnce, inStretches, type Wait } from '../pauses'
import { Parameter, Tensor } from '../tensor'
import { fillsParameters } from '../tensor/parameter'
import { untrack } from '../tensor/scope'
import type { NativeRandom } from '../tensor/random'
import { assigning } from '../tensor/write'
import type { InitSpec } from '../init-spec'
import { checkInit, InitSource } from './init-source'
import { RandomContext } from './random'
import { checkingAlike, checkState, matchNames, type HostTensor, type LoadReport } from './state'

export type { HostTensor, LoadReport } from './state'

/** Values by parameter name. */
export type StateDict = ReadonlyMap<string, Tensor | HostTensor>

/** How strictly parameters are loaded. */
export interface LoadOptions {
  /** Throws when names are missing or unexpected; otherwise those are left alone. Default true. */
  strict?: boolean | undefined
}

type Member = Parameter | Module

const dotted = (prefix: string, name: string): string =>
  prefix === '' ? name : `${prefix}.${name}`

/** Parameters and modules in a field: itself, or what arrays, maps and plain objects hold, to any depth. */
function* membersIn(
  name: string,
  value: unknown,
  above: readonly object[] = [],
): Generator<[string, Member]> {
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Parameter || value instanceof Module) return yield [name, value]
  const isHolder = Array.isArray(value) || isMap(value) || isPlain(value)
  if (!isHolder || above.includes(value)) return
  const entries: Iterable<[unknown, unknown]> =
    Array.isArray(value) || isMap(value) ? value.entries() : Object.entries(value)
  const within = [...above, value]
  for (const [key, entry] of entries)
    if (typeof key === 'string' || typeof key === 'number')
      yield* membersIn(dotted(name, String(key)), entry, within)
}

/**
 * A part of a network with parameters and parts of its own. Fields that hold a Parameter, a Module, or
 * arrays, maps and plain objects of them are found by name, so a subclass only assigns them:
 *
 * ```ts
 * class Tagger extends nn.Module {
 *   readonly lstm = new nn.LSTM({ input: 64, hidden: 128 })
 *   readonly output = new nn.Linear(128, 12)
 *   forward(x: Tensor) { return this.output.forward(this.lstm.forward(x).output) }
 * }
 * ```
 *
 * What is in private fields (`#lstm`) or known to a closure alone is not: an optimizer that a module is bound to
 * refuses to step (`ERR_GRAPH`) when a loss has depended on parameters that nobody holds.
 *
 * Names are dotted paths in the order of assignment (`lstm.weight_ih_l0`). A Parameter or Module held
 * in two places (tied weights) counts once, under its first name.
 */
export abstract class Module {
  private mode: 'train' | 'eval' = 'train'
  private path = ''
  private context: RandomContext | null = null

  /** What this module itself holds, by name. Override where fields do not tell. */
  protected *members(): Iterable<[string, Member]> {
    for (const [field, value] of Object.entries(this) as [string, unknown][])
      yield* membersIn(field, value)
  }

  /** This module and all below it, each once, with their paths. */
  *namedModules(prefix = '', seen = new Set<Module>()): Generator<[string, Module]> {
    if (seen.has(this)) return
    seen.add(this)
    yield [prefix, this]
    for (const [name, member] of this.members())
      if (member instanceof Module) yield* member.namedModules(dotted(prefix, name), seen)
  }

  /** @internal Every name of every parameter: tied ones occur once per place. */
  *allNames(prefix = '', above = new Set<Module>()): Generator<[string, Parameter]> {
    if (above.has(this)) return
    above.add(this)
    for (const [name, member] of this.members())
      if (member instanceof Parameter) yield [dotted(prefix, name), member]
      else yield* member.allNames(dotted(prefix, name), above)
    above.delete(this)
  }

  /** @internal Those that this module itself holds, not those of modules below. */
  *ownParameters(): Generator<[string, Parameter]> {
    for (const [name, member] of this.members())
      if (member instanceof Parameter) yield [name, member]
  }

  /** Each parameter once, by its first name. */
  *namedParameters(): Generator<[string, Parameter]> {
    const seen = new Set<Parameter>()
    for (const [name, parameter] of this.allNames()) {
      if (seen.has(parameter)) continue
      seen.add(parameter)
      yield [name, parameter]
    }
  }

  /** Its parameters and those of the modules in it, each once. */
  parameters(): Parameter[] {
    return Array.from(this.namedParameters(), ([, parameter]) => parameter)
  }

  /** Number of learned values. */
  get parameterCount(): number {
    return this.parameters().reduce((n, { size }) => n + size, 0)
  }

  /** Forgets the gradients of all its parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.zeroGrad()
  }

  // --- mode and randomness

  /** Whether dropout and its kin are at work. */
  get training(): boolean {
    return this.mode === 'train'
  }

  /** Puts it and the modules in it into training, or out of it. Gives itself. */
  train(training = true): this {
    checkFlag('train', 'training', training)
    for (const [, module] of this.namedModules()) module.mode = training ? 'train' : 'eval'
    return this
  }

  /** As `train(false)`. */
  eval(): this {
    return this.train(false)
  }

  /** Makes this module and all below draw their masks from `context`, each under its own path. */
  setRandom(context: RandomContext): this {
    expect('setRandom', 'context', context instanceof RandomContext, 'a RandomContext', context)
    for (const [path, module] of this.namedModules()) {
      module.context = context
      module.path = path
    }
    return this
  }

  /**
   * The stream for one call; without {@link setRandom} the seed is a new one per module. Of a `parameter`
   * of this module: the same in all parts of a batch, which share it.
   */
  protected drawRandom(parameter?: string): NativeRandom {
    this.context ??= new RandomContext()
    if (parameter === undefined) return this.context.draw(this.path)
    return { ...this.context.draw(dotted(this.path, parameter)), sampleBase: 0 }
  }

  /** How this module's own weights start, where it was told. Layers set it from their `init`. */
  protected initSpec: InitSpec | null | undefined

  /**
   * Initialises every parameter anew from `seed` and its own name, in its layer's usual way or as
   * `init` says; a layer that was given an `init` of its own keeps to it.
   */
  reset(seed: number, init: InitSpec | null = null): this {
    checkWhole('reset', 'seed', seed, 0)
    checkInit('reset', init)
    if (!fillsParameters()) return this
    for (const [path, module] of this.namedModules())
      module.initialise(new InitSource(seed, path, module.initSpec ?? init))
    return this
  }

  /** Fills this module's own parameters (not those of modules below), with `source.fill`. */
  protected initialise(_source: InitSource): void {}

  /** @internal Tables among its own parameters, of which training looks rows up and uses nothing else. */
  get rowTables(): readonly Parameter[] {
    return []
  }

  // --- state

  /** Each parameter once, by its first name. The tensors are the parameters themselves. */
  stateDict(): Map<string, Parameter> {
    return new Map(this.namedParameters())
  }

  /**
   * Copies values into the parameters by name; a tied parameter takes any of its names. Everything is
   * checked first (`ERR_FORMAT`, with all missing, unexpected and mismatched names, and names of one
   * parameter whose values differ), so a failure changes nothing.
   */
  loadStateDict(state: StateDict, options: LoadOptions = {}): LoadReport {
    return atOnce(this.loading(state, options))
  }

  /** @internal As {@link loadStateDict}, but leaves the event loop to others now and then. */
  loadInStretches(state: StateDict, options: LoadOptions = {}): Promise<LoadReport> {
    return inStretches(this.loading(state, options))
  }

  private *loading(state: StateDict, options: LoadOptions): Generator<Wait | void, LoadReport> {
    const { strict = true } = optionsOf('loadStateDict', options, { strict: true })
    checkFlag('loadStateDict', 'strict', strict)
    checkState('loadStateDict', 'state', state)
    const { found, ...report } = matchNames([...this.allNames()], state, strict)
    const values = new Map<Parameter, Tensor | HostTensor>()
    for (const [parameter, [first, ...others]] of found) {
      const value = state.get(first) as Tensor | HostTensor
      for (const other of others) yield* checkingAlike([first, value], [other, state.get(other)])
      values.set(parameter, value)
    }
    for (const [parameter, value] of values) yield* assigning(parameter, value)
    return report
  }

  // --- lifetime

  /** @internal What this module computes with and never learns nor saves. */
  readonly constants: Tensor[] = []

  /** Makes a tensor this module's own: no scope disposes it, and the module does with its parameters. */
  protected constant(x: Tensor): Tensor {
    untrack(x)
    this.constants.push(x)
    return x
  }

  /** Disposes all parameters and constants, those of modules below included. */
  dispose(): void {
    for (const parameter of this.parameters()) parameter.dispose()
    for (const [, module] of this.namedModules()) for (const x of module.constants) x.dispose()
  }

  /** As {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose()
  }
}
