import { checkPositive, isObject, optionsOf, whole, type Names } from '../check'
import { expect, RnnativeError, told } from '../errors'
import { Module, type HostTensor } from '../nn/module'
import { checkState } from '../nn/state'
import { add, clamp, mul, reshape } from '../ops'
import { globalNorm, optimizerStep } from '../ops/optimizer'
import { atOnce, inStretches, type Wait } from '../pauses'
import { noGrad, scope, Tensor, type DeviceName } from '../tensor'
import { partOf } from '../tensor/arena'
import { formatShape, sameShape } from '../tensor/shape'
import { assigning } from '../tensor/write'
import { Arena, type Slice } from './arena'
import { Groups, type Run } from './groups'
import { tablesOf } from './lazy'
import { Masks } from './masks'
import { addNoise, type GradientNoise } from './noise'
import { stateNames } from './states'
import type { GroupOptions, Hyperparameters, OptimizerKind, OptimizerTarget } from './types'
import { WeightAverage } from './weight-average'

/** Options of {@link Optimizer.step}. */
export interface StepOptions {
  /** Scales the gradient down to this norm over all parameters; 0 or absent: no clipping. */
  clipNorm?: number | undefined
  /** Before that, brings each element of the gradient into ±this; 0 or absent: no clipping. */
  clipValue?: number | undefined
  /** @internal Added when the gradient has been clipped. */
  noise?: GradientNoise | null | undefined
  /** What the gradient is of, scalars: where one is not finite, nothing changes either. */
  losses?: readonly Tensor[] | undefined
}

const STEP_NAMES: Names<StepOptions> = {
  clipNorm: true,
  clipValue: true,
  noise: true,
  losses: true,
}
/** The part of an optimizer's state that is not tensors. JSON-serialisable. */
export interface OptimizerMeta {
  /** Which optimizer. */
  kind: OptimizerKind
  /** All its settings. */
  hyperparameters: Hyperparameters
  /** The learning rate in force. */
  lr: number
  /** Calls of {@link step} so far, skipped updates included: what bias corrections count. */
  step: number
}

/**
 * Everything that resuming needs. Tensors are named `<state>.<parameter>`, such as `m.lstm.weight_ih_l0`; of a pruned
 * parameter there is a `mask`, too.
 */
export interface OptimizerState {
  /** By name, as above. */
  tensors: Map<string, Tensor>
  /** The rest. */
  meta: OptimizerMeta
}

/** The same as it may come back from a file. */
interface SavedState {
  tensors: ReadonlyMap<string, Tensor | HostTensor>
  meta: OptimizerMeta
}

/** What one update is of; that of a table is of the rows that were touched. */
type TableRun = Run & { readonly table?: Slice }

/** What the name of a mask begins with. */
const MASK = 'mask.'

/** The norm itself, but not finite where a loss is not. */
const withLosses = (norm: Tensor, losses: readonly Tensor[]): Tensor =>
  scope(() => noGrad(() => losses.reduce((sum, loss) => add(sum, reshape(mul(loss, 0), [])), norm)))

/**
 * Updates parameters from their gradients. The update is that of torch.optim's class of the same
 * name, over flat buffers: parameters move into one when the optimizer is made.
 *
 * A step whose gradient norm is not finite, or a loss that {@link step} is given, changes nothing: neither
 * parameters nor state.
 */
export class Optimizer {
  /** Which optimizer. */
  readonly kind: OptimizerKind
  /** All its settings, as it was made. */
  readonly hyperparameters: Readonly<Hyperparameters>
  /** The learning rate of the next step; schedules set it. Groups with their own are scaled alike. */
  lr: number
  private steps = 0
  private readonly arena: Arena
  /** What pruning has made zero. */
  private readonly masks: Masks
  private readonly groups: Groups
  /** Whether a module was given, which is to hold all that its loss depends on. */
  private readonly ofModule: boolean
  private readonly states: readonly { name: string | null; buffer: Tensor | null }[]

  /** @internal Use `optim.adam(…).bind(module)` and its kin. */
  constructor(
    kind: OptimizerKind,
    hyperparameters: Hyperparameters,
    target: OptimizerTarget,
    groups: readonly GroupOptions[],
  ) {
    this.kind = kind
    this.ofModule = target instanceof Module
    this.hyperparameters = Object.freeze({ ...hyperparameters })
    this.lr = hyperparameters.lr
    this.groups = new Groups(kind, hyperparameters, target, groups)
    const tables = hyperparameters.lazy ? tablesOf(kind, target) : undefined
    this.arena = new Arena(this.groups.named, tables)
    this.masks = new Masks(this.arena)
    this.states = stateNames(this).map((name) => ({
      name,
      buffer: name === null ? null : this.arena.zeros(),
    }))
  }

  /** Where parameters and state are. */
  get device(): DeviceName {
    return this.arena.device
  }

  /** Calls of {@link step} so far, skipped updates included: what bias corrections count. */
  get stepCount(): number {
    return this.steps
  }

  /** Forgets all gradients; costs nothing, the next backward writes over them. */
  zeroGrad(): void {
    for (const { parameter } of this.arena.slices) parameter.zeroGrad()
    this.arena.lazy.drop()
  }

  /**
   * Updates every parameter and returns the gradient's norm before clipping, a scalar to be read
   * and disposed by the caller. A parameter without a gradient counts as having one of zero; one whose
   * `requiresGrad` is false stays as it is, and so does its state.
   *
   * Throws `ERR_GRAPH` where a module was bound and the loss depended on a parameter that it does not hold, nor any
   * other optimizer.
   */
  step(options: StepOptions = {}): Tensor {
    const given = optionsOf(this.kind, options, STEP_NAMES)
    const { clipNorm = 0, clipValue = 0, noise = null, losses = [] } = given
    checkPositive(this.kind, 'clipNorm', clipNorm)
    checkPositive(this.kind, 'clipValue', clipValue)
    const { arena, masks } = this
    arena.checkOwnership()
    if (this.ofModule) arena.checkStrays()
    this.settleGradients()
    masks.apply(arena.gradients)
    const norm = globalNorm(arena.settled)
    // Where an element was infinite, it is so no more once clipped: the norm before tells.
    const clipped = clipValue > 0 ? this.clipValues(clipValue) : norm
    const others = clipped === norm ? losses : [norm, ...losses]
    const watched = others.length === 0 ? norm : withLosses(clipped, others)
    if (noise) {
      expect(this.kind, 'noise', arena.lazy.slices.length === 0, 'none where lazy', 'some')
      addNoise(arena, clipped, clipNorm, noise)
      this.settleGradients()
      masks.apply(arena.gradients)
    }
    ++this.steps
    for (const run of this.runs()) this.update(run, watched, noise ? 0 : clipNorm)
    arena.lazy.drop()
    if (clipped !== norm) clipped.dispose()
    masks.apply(arena.values)
    if (watched !== norm) watched.dispose()
    return norm
  }

  /** The norm of gradients whose elements have been clipped. */
  private clipValues(most: number): Tensor {
    const { settled } = this.arena
    this.change((gradients) => clamp(gradients, -most, most))
    return globalNorm(settled)
  }

  /** @internal As if the last {@link step}, which changed nothing, had not been. */
  takeBackStep(): void {
    --this.steps
  }

  /** @internal Waits for gradients; rejects where they could not be computed. */
  async gradientsMade(): Promise<void> {
    this.settleGradients()
    const norm = globalNorm(this.arena.settled)
    await norm.item().finally(() => norm.dispose())
  }

  /** @internal Whether all parameters are finite. */
  async isFinite(): Promise<boolean> {
    const norm = globalNorm([this.arena.values])
    try {
      return Number.isFinite(await norm.item())
    } finally {
      norm.dispose()
    }
  }

  /**
   * @internal From now on, `give` takes gradients as backward finishes them, in stretches of their buffer and always in the
   * same order: it replaces them by what counts in their place. {@link gaveGradients} gives the rest.
   */
  giveGradients(give: (gradients: Tensor) => void): void {
    this.arena.watch(this.groups.frozen(this.arena.dense), give)
  }

  /** @internal */
  gaveGradients(): void {
    this.settleGradients()
    this.arena.settleBuckets()
  }

  /** @internal Nobody takes any more. */
  keepGradients(): void {
    this.arena.dropBuckets()
  }

  /** @internal Multiplies all gradients. */
  scaleGradients(factor: Tensor | number): void {
    this.settleGradients()
    this.change((gradients) => mul(gradients, factor))
  }

  /** Replaces all gradients that are settled. */
  private change(by: (gradients: Tensor) => Tensor): void {
    for (const gradients of this.arena.settled) {
      const made = noGrad(() => by(gradients))
      gradients.assign(made)
      made.dispose()
    }
  }

  /** @internal [lr, step] of each update that the last {@link step} made. */
  updates(): Float64Array {
    return Float64Array.from(
      this.runs().flatMap(({ group }) => [this.lr * group.lrScale, this.steps]),
    )
  }

  private runs(): TableRun[] {
    const { dense } = this.arena
    return [...this.groups.runs(dense), ...this.tableRuns()]
  }

  /** A run for each table that is learned by rows. */
  private tableRuns(): TableRun[] {
    return this.arena.lazy.slices.flatMap((table) =>
      this.groups.runs([table]).map((run) => ({ ...run, table })),
    )
  }

  /** Makes gradients zero that count for nothing. */
  private settleGradients(): void {
    const { dense, lazy } = this.arena
    this.arena.settleGradients(this.groups.frozen(dense))
    lazy.settle(this.tableRuns().flatMap(({ table }) => table ?? []))
  }

  /** @internal Which parameters are frozen and which pruned now; what is recorded of a step depends on it. */
  get variant(): string {
    const frozen = this.arena.slices.flatMap(({ parameter }, i) =>
      parameter.requiresGrad ? [] : i,
    )
    return `${frozen.join()}/${this.masks.key}`
  }

  /** @internal What a pruner chooses from, and where it says what is zero. */
  pruned(): { slices: readonly Slice[]; masks: Masks } {
    return { slices: this.arena.dense, masks: this.masks }
  }

  /** @internal Makes zero what has just been pruned. */
  maskValues(): void {
    this.arena.checkOwnership()
    this.masks.apply(this.arena.values)
  }

  /** @internal Counts a step that a recorded program makes, and gives {@link updates} for it. */
  countStep(): Float64Array {
    this.arena.checkOwnership()
    for (const { parameter } of this.arena.dense) if (parameter.slot) parameter.slot.written = true
    ++this.steps
    return this.updates()
  }

  private update({ group, offset, size, table }: TableRun, norm: Tensor, clipNorm: number): void {
    const touched = table && this.arena.lazy.of(table)
    const shape = table ? table.parameter.shape : [size]
    const part = (buffer: Tensor) => partOf(buffer, offset, shape)
    const value = part(this.arena.values)
    const gradient = touched ? touched.gradient.detach() : part(this.arena.gradients)
    const state = this.states.map(({ buffer }) => buffer && part(buffer))
    const options = {
      ...this.hyperparameters,
      kind: this.kind,
      clipNorm,
      lr: this.lr * group.lrScale,
      weightDecay: group.weightDecay,
      step: this.steps,
    }
    optimizerStep(options, value, gradient, state, norm, touched?.rows)
    for (const view of [value, gradient, ...state]) view?.dispose()
  }

  /** State for a checkpoint. The tensors share this optimizer's storage; dispose them after reading. */
  stateDict(): OptimizerState {
    const tensors = new Map<string, Tensor>()
    for (const { name, buffer } of this.states)
      if (buffer !== null)
        for (const slice of this.arena.slices)
          tensors.set(`${name}.${slice.name}`, this.arena.part(buffer, slice))
    for (const [name, mask] of this.masks.named()) tensors.set(MASK + name, mask)
    const { kind, hyperparameters, lr, steps: step } = this
    return { tensors, meta: { kind, hyperparameters: { ...hyperparameters }, lr, step } }
  }

  /** Restores what {@link stateDict} gave; `ERR_FORMAT` (and nothing changed) when it does not fit. */
  loadStateDict(state: SavedState): void {
    atOnce(this.loading(state))
  }

  /** @internal As {@link loadStateDict}, but leaves the event loop to others now and then. */
  loadInStretches(state: SavedState): Promise<void> {
    return inStretches(this.loading(state))
  }

  private *loading(state: SavedState): Generator<Wait | void, void> {
    expect('optimizer', 'state', isObject(state), 'what stateDict gives', state)
    const { meta, tensors } = state
    const check = (name: keyof OptimizerMeta, valid: boolean, expected: string) => {
      if (valid) return
      const got = told((meta as Partial<OptimizerMeta> | null)?.[name])
      throw new RnnativeError('ERR_FORMAT', `[optimizer] ${name}: expected ${expected}, got ${got}`)
    }
    check('kind', isObject(meta) && meta.kind === this.kind, this.kind)
    check('step', whole(meta.step, 0), 'a whole number of at least 0')
    check('lr', Number.isFinite(meta.lr) && meta.lr >= 0, 'a number of at least 0')
    checkState('optimizer', 'tensors', tensors)
    const masked = this.arena.dense.filter(({ name }) => tensors.has(MASK + name))
    for (const slice of masked) this.masks.open(slice) // of ones, it does nothing
    const problems: string[] = []
    const copies: { target: Tensor; value: Tensor | HostTensor }[] = []
    const own = this.stateDict().tensors
    try {
      for (const [name, target] of own) {
        const value = tensors.get(name)
        if (value === undefined) {
          if (!name.startsWith(MASK)) problems.push(`missing: ${name}`)
        } else if (!sameShape(value.shape, target.shape))
          problems.push(
            `${name}: expected ${formatShape(target.shape)}, got ${formatShape(value.shape)}`,
          )
        else copies.push({ target, value })
      }
      for (const name of tensors.keys()) if (!own.has(name)) problems.push(`unexpected: ${name}`)
      if (problems.length > 0)
        throw new RnnativeError('ERR_FORMAT', `[optimizer] ${problems.join('; ')}`)
      for (const { target, value } of copies) yield* assigning(target, value)
    } finally {
      for (const tensor of own.values()) tensor.dispose()
    }
    this.masks.keepOnly(new Set(masked))
    this.lr = meta.lr
    this.steps = meta.step
  }

  /** @internal An average of all parameters; the caller disposes it before this optimizer. */
  average(): WeightAverage {
    return new WeightAverage(this.arena, this.masks)
  }

  /** Frees gradients and state. The parameters stay usable. */
  dispose(): void {
    this.arena.dispose()
    for (const { buffer } of this.states) buffer?.dispose()
    this.masks.dispose()
  }

  /** As {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose()
  }
}
