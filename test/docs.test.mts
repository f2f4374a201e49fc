/**
 * Runs the examples of docs/ whose fence says so, ```js run or ```sh run: each in an empty folder with rnnative
 * installed. (scripts/smoke/readme.mjs runs those of README.md, from the packed package.) And follows the links between
 * pages.
 */
import test from 'ava'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import * as rnnative from 'rnnative'

const names = readdirSync('docs').filter((name) => name.endsWith('.md'))
const pages = ['README.md', ...names.map((name) => join('docs', name))]

interface Example {
  page: string
  line: number
  language: 'js' | 'sh'
  code: string
}

function examplesOf(page: string): Example[] {
  const text = readFileSync(page, 'utf8')
  const fences = [...text.matchAll(/^```(js|sh) run$\n([^]*?)^```$/gm)]
  return fences.map(({ 1: language, 2: code = '', index }) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    language: language as Example['language'],
    code,
  }))
}

/** An empty folder with rnnative installed, as a reader has it. */
function project(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-docs-'))
  const modules = join(directory, 'node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  symlinkSync(resolve('.'), join(modules, 'rnnative'))
  const run = `#!/bin/sh\nexec '${process.execPath}' '${resolve('dist/cli/main.js')}' "$@"\n`
  writeFileSync(join(modules, '.bin', 'rnnative'), run, { mode: 0o755 })
  return directory
}

for (const { page, line, language, code } of pages.flatMap(examplesOf))
  test(`${page}:${line}`, (t) => {
    const cwd = project()
    const file = join(cwd, language === 'js' ? 'example.mjs' : 'example.sh')
    writeFileSync(file, code)
    const command =
      language === 'js' ? [process.execPath, file] : ['bash', '-euo', 'pipefail', file]
    const path = `${join(cwd, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`
    const { status, signal, stdout, stderr } = spawnSync(command[0] as string, command.slice(1), {
      cwd,
      env: { ...process.env, PATH: path },
      encoding: 'utf8',
      timeout: 120_000,
    })
    t.is(status, 0, `${page}:${line} ended with ${String(status ?? signal)}\n${stdout}${stderr}`)
  })

/** Where a page links to in this folder. */
const linksOf = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)].map(
    ({ 1: target = '' }) => join(dirname(page), target),
  )

test('links between pages lead somewhere', (t) => {
  for (const page of pages)
    for (const target of linksOf(page)) t.true(existsSync(target), `${page} links to ${target}`)
})

test('what the package exports is told of', (t) => {
  const told = pages.map((page) => readFileSync(page, 'utf8')).join('\n')
  const list = readFileSync('docs/ops.md', 'utf8')
  const isTold = (name: string, where: string) => new RegExp(`\\b${name}\\b`).test(where)
  const ofNode = ['default', 'module.exports', '__esModule']
  for (const name of Object.keys(rnnative))
    t.true(ofNode.includes(name) || isTold(name, told), name)
  for (const name of Object.keys(rnnative.ops)) t.true(isTold(name, list), `ops.${name}`)
})

test('docs/README.md names every page', (t) => {
  const linked = linksOf('docs/README.md')
  for (const page of pages) t.true(page === 'docs/README.md' || linked.includes(page), page)
})
