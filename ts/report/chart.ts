import { isListOf, isObject } from '../check'
import { expect } from '../errors'
import { drawSvg } from './vega'

/** A point of a curve. */
export interface CurvePoint {
  /** After which step. */
  step: number
  /** What it was. */
  loss: number
}

/** What a chart of losses shows. */
export interface Curves {
  /** Of steps. */
  training: readonly CurvePoint[]
  /** Of validations. */
  validation: readonly CurvePoint[]
}

/** Points that a chart of this width can show. */
const POINTS = 400

/** At most POINTS means of neighbours: a curve of every step is a megabyte of noise. */
function thin(points: readonly CurvePoint[]): CurvePoint[] {
  const size = Math.max(1, Math.ceil(points.length / POINTS))
  const thinned: CurvePoint[] = []
  for (let begin = 0; begin < points.length; begin += size) {
    const group = points.slice(begin, begin + size)
    thinned.push({
      step: (group.at(-1) as CurvePoint).step,
      loss: group.reduce((sum, { loss }) => sum + loss, 0) / group.length,
    })
  }
  return thinned
}

function specification(curves: Curves): object {
  expect('report', 'curves', isObject(curves), 'an object of curves', curves)
  const { training, validation } = curves
  for (const [name, points] of Object.entries({ training, validation }))
    expect('report', `curves.${name}`, isListOf(points, isObject), 'a list of points', points)
  const values = [
    ...thin(training).map((point) => ({ ...point, curve: 'training' })),
    ...validation.map((point) => ({ ...point, curve: 'validation' })),
  ]
  const encoding = {
    x: { field: 'step', type: 'quantitative', title: 'step' },
    y: {
      field: 'loss',
      type: 'quantitative',
      title: 'loss (nats per token)',
      scale: { zero: false },
    },
    color: { field: 'curve', type: 'nominal', title: null },
  }
  const line = (curve: string, point: boolean) => ({
    transform: [{ filter: `datum.curve === '${curve}'` }],
    mark: { type: 'line', point },
    encoding,
  })
  return {
    width: 640,
    height: 320,
    data: { values },
    layer: [line('training', false), line('validation', true)],
  }
}

/** Loss over steps, as an SVG element. */
export const drawCurves = (curves: Curves): Promise<string> => drawSvg(specification(curves))
