/** Parameters that share settings of their own, down to single gates of a recurrent weight. */
import { expect } from '../errors'
import { isIterable } from '../kinds'
import { Module } from '../nn/module'
import { matcherOf } from '../patterns'
import { Parameter } from '../tensor'
import { extentOf, type Range, type Slice } from './arena'
import { checkGroups } from './group-options'
import { partsOf, type Part } from './parts'
import type { GroupOptions, Hyperparameters, OptimizerKind, OptimizerTarget } from './types'

export interface Group {
  readonly lrScale: number
  readonly weightDecay: number
  readonly frozen: boolean
}

/** A run of elements that are updated by one call. */
export interface Run extends Range {
  readonly group: Group
}

/** Named parameters of a target, each object once, under its first name; `ERR_ARGUMENT` for what is none. */
function namedOf(kind: OptimizerKind, target: OptimizerTarget): (readonly [string, Parameter])[] {
  const all: unknown[] =
    target instanceof Module
      ? [...target.namedParameters()]
      : isIterable(target)
        ? [...target]
        : [null]
  const named = all.every(
    (entry) =>
      Array.isArray(entry) && typeof entry[0] === 'string' && entry[1] instanceof Parameter,
  )
  expect(kind, 'target', named, 'a module, or parameters by name', target)
  const seen = new Set<Parameter>()
  return (all as [string, Parameter][]).filter(
    ([, parameter]) => !seen.has(parameter) && seen.add(parameter),
  )
}

export class Groups {
  /** Parameters in the order in which those of a group lie together. */
  readonly named: readonly (readonly [string, Parameter])[]
  private readonly groups: readonly Group[]
  private readonly parts = new Map<Parameter, readonly Part[]>()

  constructor(
    kind: OptimizerKind,
    { lr, weightDecay }: Hyperparameters,
    target: OptimizerTarget,
    options: readonly GroupOptions[],
  ) {
    checkGroups(kind, options)
    // A group's rate is kept as a multiple of it, which schedules change.
    const scales = lr > 0 || options.every((group) => group.lr === undefined)
    expect(kind, 'lr', scales, 'a number above 0 where a group has its own', lr)
    this.groups = [...options, null].map((group) => ({
      lrScale: group?.lr === undefined ? 1 : group.lr / lr,
      weightDecay: group?.weightDecay ?? weightDecay,
      frozen: group?.frozen ?? false,
    }))
    const named = namedOf(kind, target)
    const matchers = options.map(({ match }) => matcherOf(match))
    for (const [name, parameter] of named)
      this.parts.set(parameter, partsOf(name, parameter, matchers))
    const chosen = new Set([...this.parts.values()].flat().map((part) => part.chosen))
    for (const [i, { match }] of options.entries())
      expect(
        kind,
        `groups[${i}].match`,
        chosen.has(i),
        'one of names of parameters, not chosen before',
        match,
      )
    // Those that are in none come last, as the last group.
    const at = ([, parameter]: readonly [string, Parameter]) =>
      this.partsOf(parameter)[0]?.chosen ?? -1
    this.named = [...options.keys(), -1].flatMap((i) => named.filter((entry) => at(entry) === i))
  }

  private partsOf(parameter: Parameter): readonly Part[] {
    return this.parts.get(parameter) ?? []
  }

  /** Parts of parameters that stay as they are, whatever their gradients. */
  frozen(slices: readonly Slice[]): Range[] {
    return this.places(slices).filter(({ group }) => group.frozen)
  }

  /** What is updated now, in one call each: neighbours of a group together, what is frozen left out. */
  runs(slices: readonly Slice[]): Run[] {
    const runs: Run[] = []
    for (const place of this.places(slices.filter(({ parameter }) => parameter.requiresGrad))) {
      if (place.group.frozen) continue
      const last = runs.at(-1)
      if (last?.group === place.group && last.offset + last.size === place.offset)
        runs[runs.length - 1] = { ...last, size: last.size + place.size }
      else runs.push(place)
    }
    return runs
  }

  private places(slices: readonly Slice[]): Run[] {
    return slices.flatMap(({ parameter, offset }) =>
      this.partsOf(parameter).map(({ first, rows, chosen }): Run => {
        const all = parameter.shape[0] ?? 1
        const row = parameter.size / Math.max(1, all)
        // The last part has the padding, too, so that it adjoins what comes next.
        const end = first + rows === all ? extentOf(parameter) : (first + rows) * row
        const group = this.groups.at(chosen) as Group
        return { group, offset: offset + first * row, size: end - first * row }
      }),
    )
  }
}
