import { execFileSync } from 'node:child_process'
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'ava'

/** The build id that CMake would give the sources under `root`, and the files it is a hash of. */
function buildId(root: string): { id: string; files: string[] } {
  const script = path.resolve('cmake/BuildId.cmake')
  const printed = execFileSync('cmake', [`-DROOT=${path.resolve(root)}`, '-P', script], {
    encoding: 'utf8',
  })
  const [id = '', ...files] = printed.trim().split('\n')
  return { id, files }
}

test('the build id changes with every file that the CUDA library is made from', (t) => {
  const root = mkdtempSync(path.join(tmpdir(), 'rnnative-build-id-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  for (const name of ['cuda', 'native', 'package.json'])
    cpSync(name, path.join(root, name), { recursive: true })
  let last = buildId(root)
  t.is(last.id, buildId('.').id)
  const kinds = [
    'cuda/gpu/',
    'cuda/recurrent/',
    'native/abi/',
    'native/cells/',
    'native/runtime/philox.h',
  ]
  for (const kind of kinds)
    t.true(
      last.files.some((file) => file.startsWith(kind)),
      kind,
    )
  for (const file of kinds.map((kind) => last.files.find((name) => name.startsWith(kind)) ?? '')) {
    appendFileSync(path.join(root, file), '\n')
    const now = buildId(root)
    t.not(now.id, last.id, file)
    last = now
  }
})

test('what the CUDA sources include, and what that includes, is part of the build id', (t) => {
  const { files } = buildId('.')
  const hashed = new Set(files)
  const reached = new Set(files.filter((file) => file.startsWith('cuda/')))
  for (const file of reached)
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/#include "([^"]+)"/g)) {
      const included = ['', 'cuda/gpu/', 'cuda/emulation/']
        .map((folder) => folder + name)
        .filter((candidate) => existsSync(candidate))
      t.true(included.length > 0, `${file}: ${name}`)
      for (const candidate of included) {
        t.true(hashed.has(candidate), `${file}: ${candidate}`)
        reached.add(candidate)
      }
    }
})
