// Steps of `Forecaster.fit` on a table's rows, its reading included.
import { Forecaster, optim, readTable } from '#dist/index.js'
import { timed } from '../../measure/serve.mjs'

export async function prepareForecaster({ file, rows, options, training }) {
  const { lr, batch, steps } = training
  const all = (await readTable(file)).slice(0, rows)
  const targets = Object.keys(all[0]).slice(1)
  const model = new Forecaster({ time: 'date', targets, ...options })
  const fit = () => model.fit(all, { batch, maxSteps: steps, optimizer: optim.adam({ lr }) })
  return { runs: timed(fit), dispose: () => model.dispose() }
}
