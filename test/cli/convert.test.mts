import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { io } from 'rnnative'
import { rnnative } from './support.mjs'

const golden = (name: string) => join('test/golden/convert', name)

test('convert: from one format to another, and what cannot be is refused by name', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = (name: string) => join(directory, name)
  const out = path('weights.bin')
  const flags = ['--to', 'safetensors', '--precision', 'bf16']
  const made = await rnnative(['convert', golden('language.pt'), out, ...flags])
  t.deepEqual([made.code, made.stdout], [0, `${out}\n`])
  t.deepEqual((await io.readSafetensors(out)).tensors.get('decoder.bias')?.shape, [11])

  const hostile = await rnnative(['convert', golden('module.pt'), path('a.h5')])
  t.is(hostile.code, 1)
  t.regex(
    hostile.stderr,
    /^error: \[torch\] .*torch\.nn\.modules\.linear\.Linear.*\(ERR_FORMAT\)\n$/,
  )
  const later = await rnnative(['convert', golden('language.pt'), out, '--precision', 'int4'])
  t.is(later.code, 2)
  t.regex(later.stderr, /'int4' is invalid/)
  const alone = await rnnative(['convert', golden('language.pt'), path('a.onnx')])
  t.is(alone.code, 1)
  t.regex(alone.stderr, /weights alone do not say what is computed/)
  t.false(existsSync(path('a.onnx')))
})
