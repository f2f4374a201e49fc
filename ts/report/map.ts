import { isListOf, isObject } from '../check'
import { expect } from '../errors'
import { drawSvg, labelOf } from './vega'

/** Something with a name and a place. */
export interface MapPoint {
  /** What stands beside the point. */
  label: string
  /** To the right. */
  x: number
  /** Upward. */
  y: number
  /** Points of one group have one colour. */
  group?: string | undefined
}

/** Names where they lie, as an SVG element; needs Vega. */
export function drawMap(points: readonly MapPoint[]): Promise<string> {
  const valid = isListOf(
    points,
    (one) =>
      isObject(one) &&
      typeof one['label'] === 'string' &&
      Number.isFinite(one['x']) &&
      Number.isFinite(one['y']),
  )
  expect('map', 'points', valid, 'a list of { label, x, y }', points)
  const grouped = points.some(({ group }) => group !== undefined)
  const values = points.map(({ label, x, y, group }) => ({
    ...{ label: labelOf(label), x, y, group: group ?? '' },
  }))
  const axis = (field: string) => ({
    ...{ field, type: 'quantitative', axis: null, scale: { zero: false, padding: 24 } },
  })
  return drawSvg({
    ...{ width: 720, height: 560, data: { values } },
    encoding: {
      ...{ x: axis('x'), y: axis('y') },
      ...(grouped && { color: { field: 'group', type: 'nominal', title: null } }),
    },
    layer: [
      { mark: { type: 'circle', size: 16, opacity: 0.5 } },
      {
        mark: { type: 'text', align: 'left', dx: 4, fontSize: 10 },
        encoding: { text: { field: 'label' } },
      },
    ],
  })
}
