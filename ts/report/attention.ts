import { checkStrings, isListOf, optionsOf, type Names } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { isNumberArray } from '../kinds'
import { drawSvg, labelOf, overhang } from './vega'

/** What a decoder looked at while it wrote. */
export interface AttentionMap {
  /** Tokens that were read: columns. */
  source: readonly string[]
  /** Tokens that were written: rows. */
  target: readonly string[]
  /** By target token, over the source tokens: at least 0, and 1 in all. */
  weights: readonly ArrayLike<number>[]
}

const NAMES: Names<AttentionMap> = { source: true, target: true, weights: true }

/** Pixels. */
const CELL = 22
const FONT_SIZE = 12

/** Throws `ERR_SHAPE` or `ERR_NONFINITE`. */
function cellsOf(map: AttentionMap): object[] {
  const { source, target, weights } = optionsOf('attention', map, NAMES)
  checkStrings('attention', 'source', source)
  checkStrings('attention', 'target', target)
  const lists = isListOf(weights, (row) => Array.isArray(row) || isNumberArray(row))
  expect('attention', 'weights', lists, 'lists of numbers', weights)
  const rows = weights.length
  const odd = weights.find((row) => row.length !== source.length)
  if (rows !== target.length || odd !== undefined)
    throw new RnnativeError(
      'ERR_SHAPE',
      `[attention] weights: expected [${target.length}, ${source.length}], ` +
        `got [${rows}, ${odd?.length ?? source.length}]`,
    )
  return weights.flatMap((row, y) =>
    Array.from(row, (weight, x) => {
      if (!Number.isFinite(weight))
        throw new RnnativeError(
          'ERR_NONFINITE',
          `[attention] weights: expected numbers, got ${show(weight)} at [${y}, ${x}]`,
        )
      return { x, y, weight }
    }),
  )
}

/**
 * A heat map with a row for each target token and a column for each source token, the darker the more
 * weight (Bahdanau et al. 2015, figure 3), as an SVG element.
 */
export async function drawAttention(map: AttentionMap): Promise<string> {
  const values = cellsOf(map)
  const source = map.source.map(labelOf)
  const target = map.target.map(labelOf)
  // Positions, since a token may occur twice; their labels are looked up in parameters.
  const axis = (labels: string, more: object) => ({
    title: null,
    labelExpr: `${labels}[datum.value]`,
    ...{ labelFontSize: FONT_SIZE, labelLimit: 300, labelOverlap: false },
    ...{ domain: false, ticks: false, ...more },
  })
  const positions = (labels: readonly string[]) => ({ domain: labels.map((_, i) => i) })
  return drawSvg({
    ...{ width: { step: CELL }, height: { step: CELL } },
    padding: 5 + overhang([...source, ...target], FONT_SIZE),
    params: [
      { name: 'source', value: source },
      { name: 'target', value: target },
    ],
    data: { values },
    mark: { type: 'rect', stroke: '#eee', strokeWidth: 1 },
    encoding: {
      x: {
        field: 'x',
        type: 'ordinal',
        scale: positions(source),
        axis: axis('source', {
          orient: 'top',
          labelAngle: -60,
          labelAlign: 'left',
          labelPadding: 6,
        }),
      },
      y: { field: 'y', type: 'ordinal', scale: positions(target), axis: axis('target', {}) },
      color: {
        field: 'weight',
        type: 'quantitative',
        scale: { domain: [0, 1], range: ['#ffffff', '#08306b'], interpolate: 'rgb' },
        legend: { title: 'weight', gradientLength: 66, tickCount: 2 },
      },
    },
  })
}
