/** What a thread for drawings runs: Vega takes most of a second to load, and more for charts of many points. */
import { parentPort } from 'node:worker_threads'
import type { Drawn, Wanted } from './drawing'

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

const loading = Promise.all([load('vega'), load('vega-lite')]) as Promise<[Vega, VegaLite]>
loading.catch(() => undefined) // told to who asks

async function draw(specification: object): Promise<string> {
  const [vega, vegaLite] = await loading
  const { spec } = vegaLite.compile(specification)
  const view = new vega.View(vega.parse(spec), { renderer: 'none' })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

async function answer({ number, specification }: Wanted): Promise<Drawn> {
  try {
    await loading
  } catch (missing) {
    return { number, svg: '', missing }
  }
  try {
    return { number, svg: specification === null ? '' : await draw(specification) }
  } catch (failed) {
    return { number, svg: '', failed }
  }
}

parentPort?.on('message', (wanted: Wanted) => {
  void answer(wanted).then((drawn) => parentPort?.postMessage(drawn))
})
