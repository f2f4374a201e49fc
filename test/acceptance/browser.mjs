// Both pages in a real browser, Debian's chromium, driven over its own protocol:
//
//   apt-get install chromium && node test/acceptance/browser.mjs [path of chromium] [folder for pictures of both]
//
// `rnnative serve` over the fixtures: a translation with its attention, a stream, labels. `rnnative watch` over a run of
// three thousand steps and one of a million: their curves are drawn, and the time that takes is told.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dashboard } from '../../dist/watch/dashboard.js'
import { serveModels } from '../../dist/serve/server.js'

const [chromium = 'chromium', pictures] = process.argv.slice(2)
const root = mkdtempSync(path.join(os.tmpdir(), 'rnnative-browser-'))

/** A browser with one page, asked by DevTools' protocol over a pipe. */
class Browser {
  #child = spawn(
    chromium,
    [
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      ...['--remote-debugging-pipe', `--user-data-dir=${path.join(root, 'profile')}`],
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  )
  #asked = 0
  #waiting = new Map()
  #session
  problems = []

  constructor() {
    let rest = ''
    this.#child.stdio[4].setEncoding('utf8').on('data', (piece) => {
      const messages = (rest + piece).split('\0')
      rest = messages.pop()
      for (const message of messages) this.#take(JSON.parse(message))
    })
  }

  #take({ id, result, error, method, params }) {
    const one = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error) one?.reject(new Error(error.message))
    else one?.resolve(result)
    // What the content policy stops is an entry, too.
    if (method === 'Log.entryAdded' && params.entry.level === 'error')
      this.problems.push(params.entry.text)
    if (method === 'Runtime.exceptionThrown')
      this.problems.push(params.exceptionDetails.exception?.description ?? 'an exception')
  }

  #send(method, params = {}) {
    const id = ++this.#asked
    const message = { id, method, params, sessionId: this.#session }
    this.#child.stdio[3].write(`${JSON.stringify(message)}\0`)
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  async open(url) {
    if (!this.#session) {
      const { targetId } = await this.#send('Target.createTarget', { url: 'about:blank' })
      const { sessionId } = await this.#send('Target.attachToTarget', { targetId, flatten: true })
      this.#session = sessionId
      for (const domain of ['Page', 'Runtime', 'Log']) await this.#send(`${domain}.enable`)
    }
    await this.#send('Page.navigate', { url })
  }

  async evaluate(expression) {
    const answer = await this.#send('Runtime.evaluate', { expression, returnByValue: true })
    return answer.result.value
  }

  async until(expression, what, patience = 20_000) {
    const began = performance.now()
    while (performance.now() - began < patience) {
      const value = await this.evaluate(expression).catch(() => undefined)
      if (value) return value
      await sleep(50)
    }
    const body = await this.evaluate('document.body.innerText')
    throw new Error(`${what}: not within ${patience} ms. The page:\n${body}`)
  }

  async screenshot(name) {
    if (!pictures) return
    const { data } = await this.#send('Page.captureScreenshot')
    writeFileSync(path.join(pictures, name), Buffer.from(data, 'base64'))
  }

  close() {
    this.#child.kill('SIGKILL')
    return new Promise((resolve) => this.#child.on('exit', resolve))
  }
}

/** Chooses what is asked, writes a text and asks. */
const ask = (what, input) => `{
  const options = [...document.getElementById('what').options]
  document.getElementById('what').value = options.find((one) => one.text === ${JSON.stringify(what)}).value
  document.getElementById('what').dispatchEvent(new Event('change'))
  document.getElementById('input').value = ${JSON.stringify(input)}
  document.getElementById('go').click()
}`

const answered = `/ ms$/.test(document.getElementById('state').textContent)`
const result = `document.getElementById('result').innerText`

async function tryModels(browser) {
  mkdirSync(path.join(root, 'models'))
  const directories = ['seq2seq', 'language', 'classifier', 'tagger'].map((name) => {
    const link = path.join(root, 'models', name)
    symlinkSync(path.resolve('test/models/fixtures', name, 'model'), link)
    return link
  })
  const server = await serveModels(directories, { port: 0 })
  try {
    await browser.open(server.url)
    await browser.until(`document.getElementById('what').options.length > 5`, 'the models')
    await browser.evaluate(ask('seq2seq: translate', 'abc'))
    await browser.until(answered, 'a translation')
    assert.ok(await browser.evaluate(`document.querySelectorAll('#attention td').length > 3`))
    assert.match(
      await browser.evaluate(`document.querySelector('#attention td').style.background`),
      /^rgba?\(8, 48, 107/,
    )
    await browser.screenshot('serve.png')
    await browser.evaluate(ask('language: generate', 'the <b>whale</b> '))
    await browser.until(answered, 'a stream')
    const text = await browser.evaluate(result)
    assert.ok(text.startsWith('the <b>whale</b> ') && text.length > 50, text)
    for (const [what, input] of [
      ['classifier: classify', 'a joy'],
      ['tagger: tag', 'a b X1'],
    ]) {
      await browser.evaluate(ask(what, input))
      await browser.until(answered, what)
    }
  } finally {
    await server.close()
  }
}

/** A run of so many steps, as `watch.record` writes it. */
function writeRun(name, steps) {
  mkdirSync(path.join(root, 'runs', name), { recursive: true })
  const lines = [{ event: 'start', parameters: steps, unit: 'tokens', begun: { step: 0 } }]
  for (let step = 1; step <= steps; ++step)
    lines.push({
      ...{ event: 'step', step, loss: 1 + Math.sin(step / 1000) / 4 + 100 / (step + 50) },
      ...{ gradientNorm: 0.5, learningRate: 1e-3, itemsPerSecond: 1000 },
    })
  lines.push({ event: 'text', tag: 'sample', step: steps, text: '<b>a sample</b>' })
  const text = lines.map((line) => JSON.stringify(line)).join('\n')
  writeFileSync(path.join(root, 'runs', name, 'events.jsonl'), `${text}\n`)
}

async function look(browser) {
  writeRun('short', 3000)
  writeRun('long', 1_000_000)
  const { url, close } = await dashboard(path.join(root, 'runs'), { port: 0 })
  try {
    const began = performance.now()
    await browser.open(url)
    const drawn = `document.querySelectorAll('.chart[data-drawn] canvas').length >= 4`
    await browser.until(drawn, 'curves')
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    await browser.until(`/1000000 steps/.test(document.body.innerText)`, 'all steps', 120_000)
    assert.ok(await browser.evaluate(`document.querySelectorAll('tr.differs').length > 0`))
    assert.ok(await browser.evaluate(`document.body.innerText.includes('<b>a sample</b>')`))
    const whole = ((performance.now() - began) / 1000).toFixed(1)
    const again = performance.now()
    await browser.evaluate('look([400000, 400100])')
    await browser.until(
      `[...charts.values()].every((one) => one.plot.data[0].length <= 101)`,
      'a closer look',
    )
    await browser.screenshot('watch.png')
    console.log(`curves after ${seconds} s, a million steps after ${whole} s, a closer look in ${Math.round(performance.now() - again)} ms`) // prettier-ignore
  } finally {
    await close()
  }
}

const browser = new Browser()
try {
  await tryModels(browser)
  await look(browser)
  assert.deepEqual(
    browser.problems.filter((one) => !/favicon/.test(one)),
    [],
  )
  console.log('both pages work')
} finally {
  await browser.close()
  rmSync(root, { recursive: true, force: true })
}
