/** What programs do to the globals that the package rests on. */
import test from 'ava'
import { execFile } from 'node:child_process'
import path from 'node:path'

const entry = JSON.stringify(path.resolve('dist/index.js'))

const run = (script: string): Promise<string> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['-e', script], { timeout: 60_000 }, (error, stdout, stderr) =>
      resolve(error ? `${error.signal ?? error.code}: ${stderr}` : stdout.trim()),
    )
  })

for (const [when, before, after] of [
  ['before it is loaded', 'replace()', ''],
  ['afterwards', '', 'replace()'],
] as const)
  test(`a global ArrayBuffer that shrinks, replaced ${when}`, async (t) => {
    const out = await run(`
      let last
      const Real = ArrayBuffer
      const replace = () => { globalThis.ArrayBuffer = function (n) { return (last = new Real(n, { maxByteLength: n })) } }
      ${before}
      const { zeros } = require(${entry})
      ${after}
      const t = zeros([1e6])
      void (async () => {
        for (let i = 0; i < 20; ++i) { const p = t.add(1).data(); last?.resize(0); if ((await p).length !== 1e6) throw 1 }
        console.log('survived')
      })()`)
    t.is(out, 'survived')
  })

for (const [what, broken] of [
  ['throws', "Intl.Segmenter = class { constructor() { throw new Error('no data') } }"],
  ['is missing', 'delete Intl.Segmenter'],
] as const)
  test(`where Intl.Segmenter ${what} only words fail, by name`, async (t) => {
    const out = await run(`
      ${broken}
      const { Tokenizer } = require(${entry})
      const sizes = [Tokenizer.bytes(), Tokenizer.characters('ab'), Tokenizer.spaces('a b'), Tokenizer.bpe('a b')].map(({ size }) => size)
      try { Tokenizer.words('a b') } catch ({ code, message }) { console.log(sizes.length, code, message.includes('Intl.Segmenter')) }`)
    t.is(out, '4 ERR_UNSUPPORTED true')
  })
