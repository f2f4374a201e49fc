/**
 * Runs every example of the installed package's README.md as it is printed, and compiles what its users may write:
 *
 *   node scripts/smoke/readme.mjs FOLDER     FOLDER: where rnnative is installed
 *
 * The blocks run in their order, those of the shell beside the others, in one folder with FILES in it: js as an ES
 * module, or as CommonJS where it requires something; ts as an ES module made by tsc; sh by bash. A block of text is what
 * the block before it writes. Blocks of ts are compiled with consumer.mts and consumer.cts, as strictly as can be, and
 * without the types of Node or of browsers.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'

/** What the examples read, so small that they end soon. */
const english = 'a dog runs over the grass .\na man sleeps .\na child eats an apple .\n'
const german = 'ein hund läuft über das gras .\nein mann schläft .\nein kind isst einen apfel .\n'
const FILES = {
  'train.en': english,
  'train.de': german,
  'console.d.ts': 'declare const console: { log(...values: unknown[]): void }\n',
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      ...{ target: 'es2022', lib: ['es2022'], types: [], module: 'node16' },
      ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
    },
    include: ['*.mts', '*.cts', 'console.d.ts'],
  }),
}

/** Done by whoever calls this. */
const INSTALLATION = 'npm install rnnative\n'

const execute = promisify(execFile)
const SUFFIXES = { ts: 'mts', sh: 'sh', text: 'txt' }
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const root = resolve(process.argv[2] ?? '.')
const cwd = mkdtempSync(join(root, 'readme-'))

function blocks() {
  const text = readFileSync(join(root, 'node_modules', 'rnnative', 'README.md'), 'utf8')
  const fences = [...text.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(
    ({ 1: language, 2: code, index }) => {
      const place = `README.md:${text.slice(0, index).split('\n').length}`
      const suffix =
        language === 'js' ? (/= require\('/.test(code) ? 'cjs' : 'mjs') : SUFFIXES[language]
      if (suffix === undefined) throw new Error(`${place}: nobody knows how to run ${language}`)
      return { place, suffix, code, file: `${place.replace(':', '-')}.${suffix}` }
    },
  )
  return fences.filter(({ code }) => code !== INSTALLATION)
}

/** Resolves to what it writes; where something goes wrong, the error says all of it. */
async function run(place, command, ...args) {
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  const env = { ...process.env, PATH: path }
  const started = performance.now()
  try {
    const { stdout } = await execute(command, args, { cwd, env, timeout: 120_000 })
    console.log(`${place}: ${((performance.now() - started) / 1000).toFixed(1)} s`)
    return stdout
  } catch (cause) {
    const { code, signal, stdout, stderr } = cause
    throw new Error(`${place} ends with ${code ?? signal}:\n${stdout}${stderr}`, { cause })
  }
}

async function runAll(examples) {
  let written = ''
  for (const { place, suffix, code, file } of examples)
    if (suffix === 'sh') written = await run(place, 'bash', '-euo', 'pipefail', file)
    else if (suffix === 'txt') assert.equal(written, code, place)
    else written = await run(place, process.execPath, file.replace('.mts', '.mjs'))
}

const examples = blocks()
for (const [name, content] of Object.entries(FILES)) writeFileSync(join(cwd, name), content)
for (const { file, code } of examples) writeFileSync(join(cwd, file), code)
for (const name of ['consumer.mts', 'consumer.cts'])
  copyFileSync(new URL(name, import.meta.url), join(cwd, name))

const bundled = ['--noEmit', '--module', 'esnext', '--moduleResolution', 'bundler']
const inShell = ({ suffix }) => suffix === 'sh'
await Promise.all([
  run('types, node16', process.execPath, tsc, '-p', '.').then(() =>
    runAll(examples.filter((example) => !inShell(example))),
  ),
  run('types, bundler', process.execPath, tsc, '-p', '.', ...bundled).then(() =>
    runAll(examples.filter(inShell)),
  ),
]).catch(({ message }) => {
  console.error(message)
  process.exit(1)
})
console.log(`the ${examples.length} examples of README.md run as printed`)
