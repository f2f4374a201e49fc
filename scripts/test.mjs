// Runs the compiled tests with ava and closes with the plain line "N passed, N failed".
//
//   node scripts/test.mjs [--verbose] [test/some.test.mts | other ava arguments ...]
//
// Reads ava's TAP output: failures are shown in full, passes as a count per file (each by name with --verbose).
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const ava = path.join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs')

const verbose = process.argv.includes('--verbose')
const args = process.argv
  .slice(2)
  .filter((arg) => arg !== '--verbose')
  .map((arg) => arg.replace(/^(\.\/)?test\/(.*)\.mts$/, 'dist-test/$2.mjs'))

const started = Date.now()
const child = spawn(process.execPath, [ava, '--tap', ...args], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
})

let passed = 0
let failed = 0
let skipped = 0
let inFailure = false
const other = [] // shown only when ava fails without a failed test
const passedByFile = new Map()
for await (const line of createInterface({ input: child.stdout })) {
  const result = /^(not )?ok \d+ - (.*?)(\s# (SKIP|TODO).*)?$/.exec(line)
  if (!result) {
    if (inFailure && !/^(1\.\.\d+|# (tests|pass|skip|fail) \d+|)$/.test(line)) console.log(line)
    else other.push(line)
    continue
  }
  const [, not, name, , directive] = result
  inFailure = false
  if (directive) {
    ++skipped
    console.log(`- ${name} (${directive.toLowerCase()})`)
  } else if (not) {
    ++failed
    inFailure = true
    console.log(`✘ ${name}`)
  } else {
    ++passed
    const separator = name.indexOf(' › ')
    const file = separator < 0 ? name : name.slice(0, separator)
    passedByFile.set(file, (passedByFile.get(file) ?? 0) + 1)
    if (verbose) console.log(`✔ ${name}`)
  }
}
const status = await new Promise((resolve) => {
  if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode ?? 1)
  else child.on('exit', (code) => resolve(code ?? 1))
})

if (!verbose) for (const [file, count] of passedByFile) console.log(`✔ ${file}: ${count} passed`)
if (status !== 0 && failed === 0) {
  failed = 1 // ava itself failed: a bad argument, no test found
  console.log(other.join('\n'))
}
console.log(`took ${((Date.now() - started) / 1000).toFixed(1)} s`)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exit(status || (failed > 0 ? 1 : 0))
