/** Loss curves as SVG. Vega is loaded only here, when a chart is drawn. */

// What is used of them. Their own types need the browser's, which this package is not compiled with.
interface Vega {
  parse(specification: object): object
  View: new (
    runtime: object,
    options: { renderer: 'none' },
  ) => {
    toSVG(): Promise<string>
    finalize(): void
  }
}
interface VegaLite {
  compile(specification: object): { spec: object }
}

const load = async (name: string): Promise<unknown> => import(name)

export interface CurvePoint {
  step: number
  loss: number
}

export interface Curves {
  training: readonly CurvePoint[]
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

function specification({ training, validation }: Curves): object {
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
    background: 'white',
    data: { values },
    layer: [line('training', false), line('validation', true)],
  }
}

/** An SVG element. */
export async function drawCurves(curves: Curves): Promise<string> {
  const vega = (await load('vega')) as Vega
  const vegaLite = (await load('vega-lite')) as VegaLite
  const { spec } = vegaLite.compile(specification(curves))
  const view = new vega.View(vega.parse(spec), { renderer: 'none' })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}
