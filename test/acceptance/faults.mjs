// Runs the small inputs that once failed, each in a folder of its own, and says of each whether it ends as its first
// lines ask: by what it prints and leaves behind, as the table in faults-asked.mjs has it. As root (some mount).
//
//   node test/acceptance/faults.mjs ../shared/faults [name ...]
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { asked } from './faults-asked.mjs'

const [folder, ...wanted] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: faults.mjs DIRECTORY [name ...]')
const faults = path.resolve(folder)
const project = process.cwd()

/** Where the files write, whatever else does: each gets its own folder mounted there. */
const SCRATCH = '/tmp/rnnative-faults'
/** Seconds and KiB of address space; Node reserves much more than it uses. */
const [SECONDS, ADDRESS_SPACE] = [180, 14_000_000]
const LAST_LINES = 6

/** One run; `after` is asked before its folder goes. */
function runOnce(name, { args = '', prepare, after, seconds = SECONDS }) {
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'fault-'))
  const program = name.endsWith('.mjs') ? process.execPath : 'bash'
  const script = [
    `mount --bind ${scratch} ${SCRATCH}`,
    prepare ? `(${prepare}) > /dev/null 2>&1 || echo "could not be prepared"` : ':',
    `ulimit -v ${ADDRESS_SPACE}`,
    `exec timeout -k 5 ${seconds} ${program} ${path.join(faults, name)} ${args}`,
  ].join('\n')
  const began = performance.now()
  const { stdout, status } = spawnSync('unshare', ['-m', 'sh', '-c', `(${script}) 2>&1`], {
    ...{ cwd: project, encoding: 'utf8', maxBuffer: 1 << 28 },
    env: { ...process.env, PROJECT: project, HERE: faults, TMPDIR: SCRATCH },
  })
  const took = (performance.now() - began) / 1000
  const left = after ? after(scratch) : true
  rmSync(scratch, { recursive: true, force: true })
  return { output: stdout.trimEnd(), status, took, left }
}

/** What is not as asked, in words; empty where all is. */
function problems({ says = [], never = [], statuses }, { output, status, left }) {
  const found = []
  if (status === null || status >= 124) found.push(`ended with status ${status}`)
  if (statuses && !statuses.includes(status)) found.push(`status ${status}, not ${statuses}`)
  for (const pattern of says) if (!pattern.test(output)) found.push(`does not say ${pattern}`)
  for (const pattern of never) if (pattern.test(output)) found.push(`says ${pattern}`)
  if (!left) found.push('what was there is not there any more')
  return found
}

mkdirSync(SCRATCH, { recursive: true })
const names = readdirSync(faults)
  .filter((name) => /\.(mjs|sh)$/.test(name))
  .filter((name) => wanted.length === 0 || wanted.some((begin) => name.startsWith(begin)))
const bad = []
for (const name of names) {
  const rows = asked[name]
  const firstLines = readFileSync(path.join(faults, name), 'utf8')
    .split('\n')
    .filter((line) => /^(\/\/|#) /.test(line) && !line.includes('HERE='))
  console.log(`\n=== ${name}\n${firstLines.join('\n')}`)
  if (rows === undefined) {
    console.log('--- no row in the table says what it must print')
    bad.push(name)
    continue
  }
  for (const row of [rows].flat()) {
    // What is measured in time is as asked if it is once: other processes can only add to it.
    let [run, found] = [null, ['']]
    for (let tries = row.timed ? 4 : 1; tries > 0 && found.length > 0; --tries) {
      run = runOnce(name, row)
      found = problems(row, run)
    }
    console.log(run.output.split('\n').slice(-LAST_LINES).join('\n'))
    const verdict = found.length === 0 ? 'as asked' : `NOT AS ASKED: ${found.join('; ')}`
    console.log(
      `--- ${name} ${row.args ?? ''} ${run.took.toFixed(1)} s, status ${run.status}: ${verdict}`,
    )
    if (found.length > 0 && !bad.includes(name)) bad.push(name)
  }
}
console.log(`\n${names.length - bad.length} of ${names.length} files end as asked`)
if (bad.length > 0) console.log(`not: ${bad.join(', ')}`)
process.exitCode = bad.length > 0 ? 1 : 0
