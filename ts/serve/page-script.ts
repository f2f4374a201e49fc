/**
 * What the page runs, in the browser: plain JavaScript as it is sent. Whatever comes from a model or a user becomes text
 * (`textContent`), never markup.
 */
export const SCRIPT = String.raw`'use strict'
const $ = (id) => document.getElementById(id)
function el(tag, props, ...children) {
  const made = document.createElement(tag)
  Object.assign(made, props)
  made.append(...children)
  return made
}
const shade = (share) => 'rgba(8, 48, 107, ' + Math.max(0, Math.min(1, share)).toFixed(3) + ')'
const inkOn = (share) => (share > 0.5 ? '#fff' : '#222')
let asking = null
let verbs = []

const headers = () => {
  const token = $('token').value
  return { 'content-type': 'application/json', ...(token && { authorization: 'Bearer ' + token }) }
}

async function answerOf(response) {
  const body = await response.json().catch(() => ({}))
  if (response.ok) return body
  throw new Error(body.error ? body.error.message + ' (' + body.error.code + ')' : 'status ' + response.status)
}

async function loadModels() {
  const response = await fetch('/v1/models', { headers: headers() })
  if (response.status === 401) {
    $('secured').hidden = false
    return
  }
  const { models } = await answerOf(response)
  verbs = models.flatMap((model) => model.verbs.map((verb) => ({ ...verb, model: model.name })))
  $('what').replaceChildren(...verbs.map((verb, i) => el('option', { value: i }, verb.model + ': ' + verb.name)))
  choose()
}

const isText = ({ input }) => input.type === 'string' || (input.anyOf || []).some((one) => one.type === 'string')

function fieldOf([name, schema]) {
  const title = schema.description || ''
  if (schema.type === 'boolean')
    return el('label', { title }, el('input', { type: 'checkbox', name, checked: name === 'alignments' || name === 'stream' }), ' ' + name)
  const number = schema.type === 'integer' || schema.type === 'number'
  if (!number && schema.type !== 'string') return ''
  const bounds = number ? { min: schema.minimum ?? '', max: schema.maximum ?? '', step: schema.type === 'integer' ? 1 : 'any' } : {}
  return el('label', { title }, name + ' ', el('input', { type: number ? 'number' : 'text', name, ...bounds }))
}

function choose() {
  const verb = verbs[$('what').value]
  if (!verb) return
  $('about').textContent = verb.about
  $('input').placeholder = isText(verb) ? 'a text' : 'JSON'
  const own = Object.entries(verb.options)
  if (verb.streams) own.unshift(['stream', { type: 'boolean', description: 'piece by piece' }])
  $('options').replaceChildren(...own.map(fieldOf))
  $('result').replaceChildren()
}

function given() {
  const options = {}
  for (const field of $('options').querySelectorAll('input')) {
    if (field.type === 'checkbox') { if (field.checked) options[field.name] = true }
    else if (field.value !== '') options[field.name] = field.type === 'number' ? Number(field.value) : field.value
  }
  return options
}

async function ask() {
  const verb = verbs[$('what').value]
  if (!verb || asking) return
  asking = new AbortController()
  $('go').disabled = true
  $('stop').disabled = false
  $('state').className = ''
  $('state').textContent = '…'
  const began = performance.now()
  try {
    const text = $('input').value
    const body = JSON.stringify({ inputs: [isText(verb) ? text : JSON.parse(text)], ...given() })
    const path = '/v1/models/' + encodeURIComponent(verb.model) + '/' + encodeURIComponent(verb.name)
    const response = await fetch(path, { method: 'POST', headers: headers(), body, signal: asking.signal })
    const streamed = (response.headers.get('content-type') || '').startsWith('text/event-stream')
    if (streamed) await follow(response, text)
    else $('result').replaceChildren(...drawn((await answerOf(response)).results[0], text))
    $('state').textContent = Math.round(performance.now() - began) + ' ms'
  } catch (error) {
    $('state').textContent = error.name === 'AbortError' ? 'stopped' : error.message
    if (error.name !== 'AbortError') $('state').className = 'error'
  } finally {
    asking = null
    $('go').disabled = false
    $('stop').disabled = true
  }
}

async function follow(response, prompt) {
  const pre = el('pre', {}, el('b', {}, prompt))
  $('result').replaceChildren(pre)
  const decoder = new TextDecoder()
  let rest = ''
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read()
    if (done) return
    const events = (rest + decoder.decode(value, { stream: true })).split('\n\n')
    rest = events.pop()
    for (const event of events) {
      const [name, data] = event.split('\n').map((line) => line.replace(/^\w+: /, ''))
      const told = JSON.parse(data)
      if (name === 'piece') pre.append(told.text)
      if (name === 'error') throw new Error(told.message + ' (' + told.code + ')')
    }
  }
}

function drawn(result, text) {
  if (result && result.nBest) return translation(result)
  if (result && result.probabilities) return prediction(result)
  if (result && result.entities) return tagged(result, text)
  if (result && result.summary !== undefined) return [el('pre', {}, result.summary), list(result.sentences.map((one) => one.text))]
  if (result && result.text !== undefined) return [el('pre', {}, el('b', {}, text), result.text)]
  if (Array.isArray(result) && result.length > 0 && result[0].times) return result.flatMap(forecast)
  return [el('pre', {}, JSON.stringify(result, null, 1))]
}

const list = (all) => el('ol', {}, ...all.map((one) => el('li', {}, one)))

function translation(result) {
  const parts = [el('pre', { id: 'text' }, result.text)]
  if (result.nBest.length > 1)
    parts.push(list(result.nBest.map((one) => (one.score ?? -Infinity).toFixed(3) + '  ' + one.text)))
  if (result.attention) parts.push(heatMap(result.attention))
  return parts
}

function heatMap({ source, target, weights }) {
  const head = el('tr', {}, el('th'), ...source.map((token) => el('th', {}, token)))
  const rows = target.map((token, y) => {
    const cells = source.map((_, x) => {
      const cell = el('td', { title: source[x] + ' → ' + token + ': ' + weights[y][x].toFixed(3) })
      cell.style.background = shade(weights[y][x])
      return cell
    })
    return el('tr', {}, el('th', {}, token), ...cells)
  })
  const table = el('table', { className: 'map', id: 'attention' }, el('thead', {}, head), el('tbody', {}, ...rows))
  return el('div', { className: 'wide' }, table)
}

function marked(tokens, weights) {
  const most = Math.max(...weights, 1e-9)
  return el('p', { id: 'attention' }, ...tokens.flatMap((token, i) => {
    const mark = el('mark', { title: weights[i].toFixed(3) }, token)
    mark.style.background = shade(weights[i] / most)
    mark.style.color = inkOn(weights[i] / most)
    return [mark, ' ']
  }))
}

function prediction({ label, labels, probabilities, attention, terms }) {
  const rows = probabilities.map((one) => {
    const bar = el('span', { className: 'bar' })
    bar.style.width = (10 * one.probability).toFixed(2) + 'rem'
    return el('tr', {}, el('th', {}, one.label), el('td', {}, bar, ' ' + one.probability.toFixed(4)))
  })
  const parts = [el('pre', { id: 'text' }, (labels || [label]).join(', ')), el('table', {}, ...rows)]
  if (attention) parts.push(marked(attention.tokens, attention.weights))
  if (terms) parts.push(list(terms.map((one) => one.term + '  ' + one.weight.toFixed(3))))
  return parts
}

function tagged({ words, tags, entities }, text) {
  const shown = el('p', { id: 'text' })
  let at = 0
  for (const { type, start, end, probability } of entities) {
    const mark = el('mark', { title: type + ' ' + probability.toFixed(3) }, text.slice(start, end), el('sub', {}, ' ' + type))
    shown.append(text.slice(at, start), mark)
    at = end
  }
  shown.append(text.slice(at))
  return [shown, el('p', {}, words.map((word, i) => word + '/' + tags[i]).join(' '))]
}

function forecast({ series, times, values }) {
  return Object.entries(values).flatMap(([target, all]) => {
    const [low, high] = [Math.min(...all), Math.max(...all)]
    const space = 'http://www.w3.org/2000/svg'
    const svg = document.createElementNS(space, 'svg')
    svg.setAttribute('class', 'chart')
    svg.setAttribute('viewBox', '0 0 100 100')
    svg.setAttribute('preserveAspectRatio', 'none')
    const line = document.createElementNS(space, 'polyline')
    const y = (value) => 95 - (90 * (value - low)) / (high - low || 1)
    const x = (i) => (100 * i) / Math.max(1, all.length - 1)
    line.setAttribute('points', all.map((value, i) => x(i) + ',' + y(value)).join(' '))
    svg.append(line)
    const rows = all.map((value, i) => el('tr', {}, el('th', {}, times[i]), el('td', {}, String(value))))
    return [el('h2', {}, (series === null ? '' : series + ' ') + target), svg, el('table', {}, ...rows)]
  })
}

$('what').addEventListener('change', choose)
$('go').addEventListener('click', ask)
$('stop').addEventListener('click', () => asking && asking.abort())
$('token').addEventListener('change', loadModels)
$('input').addEventListener('keydown', (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) ask() })
loadModels().catch((error) => { $('state').textContent = error.message; $('state').className = 'error' })
`
