import { isListOf, isObject } from '../check'
import { expect } from '../errors'
import type { GradientFlow } from './gradient-flow'
import { drawSvg } from './vega'

/** What a line shows: what reaches h, what reaches c, or what nothing of a plain RNN is above. */
export type FlowKind = 'dL/dh' | 'dL/dc' | 'bound'

export interface FlowLine {
  /** Lines of one panel share its axes. */
  panel: string
  /** Lines of one name share a colour. */
  name: string
  kind: FlowKind
  /** By step, from 0. */
  values: readonly number[]
}

/** The lines of a flow. */
export const linesOf = (panel: string, name: string, { h, c, bound }: GradientFlow): FlowLine[] =>
  (
    [
      ['dL/dh', h],
      ['dL/dc', c],
      ['bound', bound],
    ] as const
  ).flatMap(([kind, values]) => (values ? [{ panel, name, kind, values }] : []))

/** A bound far above all that it bounds leaves the picture. */
const ABOVE = 1e3

function domainOf(values: readonly { kind: FlowKind; value: number }[]): { domain?: number[] } {
  const [most, shown] = [values, values.filter(({ kind }) => kind !== 'bound')].map((some) =>
    some.reduce((most, { value }) => Math.max(most, value), 0),
  ) as [number, number]
  if (shown === 0 || most <= ABOVE * shown) return {}
  return {
    domain: [values.reduce((least, { value }) => Math.min(least, value), shown), ABOVE * shown],
  }
}

/** Side by side, their common y being logarithmic: what is not above 0 has no place there. */
export const drawPanels = (
  lines: readonly FlowLine[],
  { x, y }: { x: string; y: string },
): Promise<string> => {
  const values = lines.flatMap(({ values, ...line }) =>
    values.flatMap((value, step) =>
      value > 0 && Number.isFinite(value) ? [{ ...line, step, value }] : [],
    ),
  )
  const kinds = ['dL/dh', 'dL/dc', 'bound'].filter((kind) =>
    lines.some((line) => line.kind === kind),
  )
  const dashes: Record<string, number[]> = { 'dL/dh': [1, 0], 'dL/dc': [2, 3], bound: [8, 4] }
  const panels = [...new Set(lines.map(({ panel }) => panel))]
  const names = [...new Set(lines.map(({ name }) => name))]
  return drawSvg({
    data: { values },
    facet: { column: { field: 'panel', type: 'nominal', title: null, sort: panels } },
    spec: {
      ...{ width: 260, height: 240 },
      mark: { type: 'line', clip: true },
      encoding: {
        x: { field: 'step', type: 'quantitative', title: x },
        y: {
          ...{
            field: 'value',
            type: 'quantitative',
            title: y,
            scale: { type: 'log', ...domainOf(values) },
          },
          axis: { format: '.0e', tickCount: 8 },
        },
        color: {
          ...{ field: 'name', type: 'nominal', title: null, sort: names },
          legend: { labelLimit: 300 },
        },
        strokeDash: {
          ...{ field: 'kind', type: 'nominal', title: null, sort: kinds },
          scale: { domain: kinds, range: kinds.map((kind) => dashes[kind]) },
          ...(kinds.length === 1 && { legend: null }),
        },
      },
    },
  })
}

/** Norms over steps of what `gradientFlow` gave, a panel for each layer and direction, as an SVG element. */
export async function drawGradientFlow(flows: readonly GradientFlow[]): Promise<string> {
  const valid = isListOf(
    flows,
    (flow) => isObject(flow) && typeof flow['name'] === 'string' && isListOf(flow['h'], isNumber),
  )
  expect('report', 'flows', valid, 'a list of flows, as gradientFlow gives', flows)
  const lines = flows.flatMap((flow) => linesOf(flow.name, flow.name, flow))
  return drawPanels(lines, { x: 'step t', y: 'norm of the gradient' })
}

const isNumber = (value: unknown): value is number => typeof value === 'number'
