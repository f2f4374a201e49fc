/** What the page of runs runs, in the browser: plain JavaScript as it is sent. Whatever files say becomes text, never markup. */
export const SCRIPT = String.raw`'use strict'
const $ = (id) => document.getElementById(id)
function el(tag, props, ...children) {
  const made = document.createElement(tag)
  Object.assign(made, props)
  made.append(...children)
  return made
}
const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf', '#8c564b', '#e377c2', '#7f7f7f', '#bcbd22']
const colours = new Map()
const colourOf = (name) => {
  if (!colours.has(name)) colours.set(name, COLOURS[colours.size % COLOURS.length])
  return colours.get(name)
}
/** Runs that are shown unless chosen. */
const MOST = 10
const hidden = new Set()
const charts = new Map()
let runs = []
let zoom = null
let listed = ''

async function read(path) {
  const response = await fetch(path)
  const body = await response.json()
  if (!response.ok) throw new Error(body.error.message)
  return body
}

function list() {
  const now = JSON.stringify(runs.map((run) => [run.name, run.steps, stateOf(run)]))
  if (now === listed) return
  listed = now
  $('runs').replaceChildren(...runs.map((run) => {
    const box = el('input', { type: 'checkbox', checked: !hidden.has(run.name) })
    box.addEventListener('change', () => {
      if (box.checked) hidden.delete(run.name)
      else hidden.add(run.name)
      refresh()
    })
    const key = el('span', { className: 'key' })
    key.style.background = colourOf(run.name)
    return el('label', {}, box, key, run.name, ' ', el('span', { className: 'note' }, run.steps + ' steps, ' + stateOf(run)))
  }))
}

const stateOf = ({ stopped, seconds }) =>
  stopped !== null ? 'ended (' + stopped + ')' : seconds !== null && seconds < 60 ? 'running' : 'silent'

/** Steps of all runs, ascending, and a row of values for each: null where a run has none there. */
function joined(all) {
  const steps = [...new Set(all.flatMap((one) => one.steps))].sort((a, b) => a - b)
  const at = new Map(steps.map((step, i) => [step, i]))
  const rows = all.map((one) => {
    const row = new Array(steps.length).fill(undefined)
    const share = Number($('smooth').value)
    let [mean, weight] = [0, 0]
    one.steps.forEach((step, i) => {
      const value = one.values[i]
      if (value !== null) {
        mean = share * mean + (1 - share) * value
        weight = share * weight + (1 - share)
      }
      row[at.get(step)] = value === null ? null : mean / weight
    })
    return row
  })
  return [steps, ...rows]
}

function draw({ tag, runs: all }) {
  const logarithmic = $('log').checked && tag.endsWith('loss')
  const key = JSON.stringify([all.map((one) => one.name), logarithmic])
  let chart = charts.get(tag)
  if (!chart) {
    chart = { box: el('div', { className: 'chart' }, el('h2', {}, tag)), plot: null, key: '' }
    charts.set(tag, chart)
    $('charts').append(chart.box)
  }
  chart.box.hidden = all.length === 0
  const data = joined(all)
  if (chart.key !== key) {
    if (chart.plot) chart.plot.destroy()
    chart.key = key
    chart.plot = new uPlot({
      width: Math.max(300, chart.box.clientWidth), height: 240,
      scales: { x: { time: false }, y: logarithmic ? { distr: 3 } : {} },
      axes: [{}, { size: 70 }],
      legend: { live: true },
      cursor: { drag: { x: true, y: false, setScale: false }, bind: { dblclick: () => () => look(null) } },
      hooks: { setSelect: [(plot) => {
        const { left, width } = plot.select
        if (width < 5) return
        const span = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')]
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
        look(span)
      }] },
      series: [{ label: 'step' }, ...all.map((one) => ({
        label: one.name, stroke: colourOf(one.name), width: 1.5, spanGaps: false,
        points: { show: one.steps.length < 60 },
        value: (_, value) => (value == null ? '–' : Number(value.toPrecision(5))),
      }))],
    }, data, chart.box)
    chart.box.dataset.drawn = 'yes'
  } else chart.plot.setData(data)
}

function look(span) {
  zoom = span
  refresh()
}

function tell(shown) {
  const cellOf = (value) => (value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value))
  const names = [...new Set(shown.flatMap((run) => Object.keys(run.settings)))]
  const rows = names.map((name) => {
    const cells = shown.map((run) => cellOf(run.settings[name]))
    const className = new Set(cells).size > 1 ? 'differs' : ''
    return el('tr', { className }, el('th', {}, name), ...cells.map((cell) => el('td', {}, cell)))
  })
  $('settings').replaceChildren(el('tr', {}, el('th'), ...shown.map((run) => el('th', {}, run.name))), ...rows)
  $('texts').replaceChildren(...shown.flatMap((run) => run.texts.slice(-5).flatMap((one) =>
    [el('h2', {}, run.name + ', ' + one.tag + ' at step ' + one.step), el('pre', {}, one.text)])))
}

let refreshing = false
async function refresh() {
  if (refreshing) return
  refreshing = true
  try {
    const first = runs.length === 0
    runs = (await read('/v1/runs')).runs
    if (first) for (const run of runs.slice(MOST)) hidden.add(run.name)
    list()
    const shown = runs.filter((run) => !hidden.has(run.name))
    const rank = (tag) => ['train/loss', 'validation/loss'].indexOf(tag) + 1 || 9
    const tags = [...new Set(runs.flatMap((run) => run.curves.map((one) => one.tag)))].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    const query = new URLSearchParams([...tags.map((tag) => ['tag', tag]), ...shown.map((run) => ['run', run.name])])
    if (zoom) {
      query.set('from', Math.floor(zoom[0]))
      query.set('to', Math.ceil(zoom[1]))
    }
    for (const curve of (await read('/v1/curves?' + query)).curves) draw(curve)
    tell(shown)
    $('state').textContent = runs.length === 0 ? 'no run yet' : ''
    $('state').className = 'note'
  } catch (error) {
    $('state').textContent = error.message
    $('state').className = 'error'
  } finally {
    refreshing = false
  }
}
$('smooth').addEventListener('input', refresh)
$('log').addEventListener('change', refresh)
refresh()
setInterval(() => { if (!document.hidden) refresh() }, 2000)
`
