/** Examples parted by chance in those to learn and those to validate with. */
import { checkFlag, checkWhole, isListOf, isObject, optionsOf, type Names } from '../check'
import { expect } from '../errors'
import { randomUniforms, streamKey } from '../tensor/random'

/** Options of {@link splitExamples}. */
export interface SplitOptions {
  /** Which of them are held out; the same seed, the same examples. Default 0. */
  seed?: number | undefined
  /** Whether each label has its share among both. Default true. */
  stratified?: boolean | undefined
}

/** What {@link splitExamples} gives. */
export interface Split<T> {
  /** In the order they were given. */
  learned: T[]
  /** The rest, which is not learned from. */
  heldOut: T[]
}

const OPTIONS: Names<SplitOptions> = { seed: true, stratified: true }

/**
 * Parts examples by chance: `share`, in (0, 1), of them is held out, rounded; at least one is, and one is learned.
 *
 *     const { learned, heldOut } = splitExamples(examples, 0.2, { seed: 1 })
 */
export function splitExamples<T extends { readonly label: string | readonly string[] }>(
  examples: readonly T[],
  share: number,
  options: SplitOptions = {},
): Split<T> {
  const op = 'split examples'
  const { seed = 0, stratified = true } = optionsOf(op, options, OPTIONS)
  expect(op, 'examples', Array.isArray(examples), 'a list of examples', examples)
  for (const [i, example] of examples.entries()) {
    const label = isObject(example) ? example.label : undefined
    const valid = typeof label === 'string' || isListOf(label, (one) => typeof one === 'string')
    expect(op, `example ${i}`, valid || !stratified, 'an object with a label, or labels', example)
  }
  expect(op, 'examples', examples.length > 1, 'at least two', examples.length)
  const some = typeof share === 'number' && share > 0 && share < 1
  expect(op, 'share', some, 'a number above 0 and below 1', share)
  checkWhole(op, 'seed', seed, 0)
  checkFlag(op, 'stratified', stratified)
  const count = Math.min(examples.length - 1, Math.max(1, Math.round(share * examples.length)))
  const groups = stratified ? byLabel(examples) : [examples.map((_, i) => i)]
  const random = randomUniforms(
    { key: streamKey(seed, 'split'), step: 0, sampleBase: 0 },
    2 * examples.length,
  )
  const held = new Set<number>()
  for (const { group, take } of shares(groups, count, random.subarray(examples.length)))
    for (const i of chosen(group, take, random)) held.add(i)
  return {
    learned: examples.filter((_, i) => !held.has(i)),
    heldOut: examples.filter((_, i) => held.has(i)),
  }
}

/** The examples' numbers by label, or by all labels that one has. */
function byLabel(examples: readonly { readonly label: string | readonly string[] }[]): number[][] {
  const groups = new Map<string, number[]>()
  for (const [i, example] of examples.entries()) {
    const key = JSON.stringify(example.label)
    const group = groups.get(key)
    if (group) group.push(i)
    else groups.set(key, [i])
  }
  return [...groups.values()]
}

/** So many of each group that they are `count` in all: what rounding leaves goes where most was cut off, by lot. */
function shares(groups: readonly number[][], count: number, lots: Float64Array) {
  const total = groups.reduce((sum, { length }) => sum + length, 0)
  const parts = groups.map((group, i) => {
    const exact = (group.length * count) / total
    const take = Math.floor(exact)
    return { group, take, rest: exact - take, lot: lots[i] as number }
  })
  const order = parts.toSorted((a, b) => b.rest - a.rest || a.lot - b.lot)
  const left = count - parts.reduce((sum, { take }) => sum + take, 0)
  for (const part of order.slice(0, left)) ++part.take
  return parts
}

/** `count` of these by chance (Fisher and Yates), of the numbers in [0, 1) that belong to the group. */
function chosen(group: readonly number[], count: number, random: Float64Array): number[] {
  const all = group.slice()
  for (let i = 0; i < count; ++i) {
    const at = i + Math.floor((random[group[i] as number] as number) * (all.length - i))
    ;[all[i], all[at]] = [all[at] as number, all[i] as number]
  }
  return all.slice(0, count)
}
