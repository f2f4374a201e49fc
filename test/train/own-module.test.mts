import test from 'ava'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Draw } from '../support/host.mjs'

const EPOCHS = 4
const WORDS = ['good', 'fine', 'bad', 'dull', 'film', 'plot', 'cast', 'the', 'a', 'of']

/** Lines that are told by their words: 1 with "good" and "fine", 0 with "bad" and "dull". */
function lines(count: number, seed: number): string {
  const draw = new Draw(seed)
  const word = () => WORDS[draw.below(WORDS.length)] as string
  return Array.from({ length: count }, (_, i) => {
    const kind = i % 2 === 0 ? 'good fine' : 'bad dull'
    return `${1 - (i % 2)} ${word()} ${kind} ${word()} ${word()}\n`
  }).join('')
}

/** Runs the example to its end, or kills it once it has told of a pass. */
function run(folder: string, name: string, { kill = false, resume = false } = {}) {
  const files = ['train', 'valid'].flatMap((part) => [`--${part}`, join(folder, part)])
  const flags = [...files, '--epochs', String(EPOCHS), '--checkpoint', join(folder, name)]
  const args = ['examples/own-module.mjs', ...flags, ...(resume ? ['--resume'] : [])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    if (kill && printed.includes('epoch 1 ')) child.kill('SIGKILL')
  })
  return new Promise<{ signal: string | null; code: number | null; printed: string }>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, printed })),
  )
}

test('the example of an own module: killed and resumed, it ends bit for bit as without', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rnnative-own-module-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'train'), lines(320, 1))
  writeFileSync(join(folder, 'valid'), lines(40, 2))
  const whole = await run(folder, 'whole')
  t.is(whole.code, 0, whole.printed)
  const killed = await run(folder, 'killed', { kill: true })
  t.is(killed.signal, 'SIGKILL', killed.printed)
  const resumed = await run(folder, 'killed', { resume: true })
  t.is(resumed.code, 0, resumed.printed)
  t.false(resumed.printed.includes('epoch 1 '))
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name, `step-${EPOCHS * 10}`, 'model.safetensors')))
      .digest('hex')
  t.is(hash('killed'), hash('whole'))
})
