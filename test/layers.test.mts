import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { Linter, type Rule } from 'eslint'
import { parser } from 'typescript-eslint'
import { rnnative } from './cli/support.mjs'

type Sources = Map<string, string>
type Check = (sources: Sources) => string[]

interface Checks {
  readSources(): Sources
  allProblems: Check
  includeProblems: Check
  circleProblems: Check
  cellNameProblems: Check
  docsProblems(page: string): string[]
}

const load = (script: string): Promise<unknown> => import(pathToFileURL(resolve(script)).href)
const checks = (await load('scripts/check-layers.mjs')) as Checks
const { layersRule } = (await load('scripts/layers.mjs')) as { layersRule: Rule.RuleModule }
const sources = checks.readSources()

/** What the lint says about a file of ts/ that ends with `line`. */
function lint(path: string, line: string): string[] {
  const linter = new Linter()
  const found = linter.verify(
    `${sources.get(path) ?? ''}\n${line}\n`,
    {
      files: ['**/*.ts'],
      languageOptions: { parser: parser as Linter.Parser },
      linterOptions: { reportUnusedDisableDirectives: 'off' },
      plugins: { rnnative: { rules: { layers: layersRule } } },
      rules: { 'rnnative/layers': 'error' },
    },
    resolve(path),
  )
  return found.filter(({ ruleId }) => ruleId === 'rnnative/layers').map(({ message }) => message)
}

const forbidden: [path: string, line: string, message: RegExp][] = [
  ['ts/tensor/shape.ts', "import { add } from '../ops'", /ts\/ops is above ts\/tensor/],
  ['ts/tensor/autograd/graph.ts', "import '../../ops/methods'", /ts\/ops is above ts\/tensor/],
  ['ts/nn/init.ts', "import { native } from '../native/index'", /only ts\/tensor and ts\/ops/],
  ['ts/cli/version.ts', "export type { DType } from '../native'", /only ts\/tensor and ts\/ops/],
  ['ts/train/run.ts', "export * from '../models'", /ts\/models is above ts\/train/],
  ['ts/metrics/bleu.ts', "import { tensor } from '../tensor'", /ts\/tensor is above ts\/metrics/],
  ['ts/check.ts', "import { Schema } from './io'", /ts\/io is above ts\/ground/],
  ['ts/decode/beam.ts', "type T = import('../train').Run", /ts\/train is beside ts\/decode/],
  ['ts/models/parts/rows.ts', "void import('../model.js')", /beside ts\/models\/parts/],
  ['ts/models/parts/rows.ts', "import '../seq2seq/decoder'", /above ts\/models\/parts/],
  ['ts/models/language/score.ts', "import '../seq2seq/task'", /families never import each other/],
  ['ts/models/seq2seq/task.ts', "import { rescore } from '../rescore'", /ts\/models is above/],
  ['ts/watch/bar.ts', "import { rnnative } from '../cli/main'", /ts\/cli is above ts\/watch/],
  ['ts/errors.ts', "export * from './nowhere/at-all'", /ts\/nowhere has no floor/],
]

for (const [path, line, message] of forbidden)
  test(`lint finds in ${path}: ${line}`, (t) => {
    t.deepEqual(lint(path, ''), [])
    const [found, ...more] = lint(path, line)
    t.regex(found ?? '', message)
    t.deepEqual(more, [])
  })

const planted: [check: Check, path: string, line: string, message: RegExp][] = [
  [checks.includeProblems, 'native/abi/base.h', '#include "native/cells/math.h"', /may not/],
  [checks.includeProblems, 'native/cells/math.h', '#include "native/cpu/core/loops.h"', /may not/],
  [checks.includeProblems, 'native/runtime/sleep.h', '#include "native/ops/recurrent/recurrent.h"', /may not/], // prettier-ignore
  [checks.includeProblems, 'native/ops/topk.cc', '#include "native/cpu/simd/simd.h"', /may not/],
  [checks.includeProblems, 'native/cpu/topk.cc', '#include "native/runtime/storage.h"', /may not/],
  [checks.includeProblems, 'native/cpu/core/loops.h', '#include "native/cpu/gemm/gemm.h"', /may not/], // prettier-ignore
  [checks.includeProblems, 'native/cpu/topk.cc', '#include "native/cpu/attention/attention.h"', /may not/], // prettier-ignore
  [checks.includeProblems, 'cuda/gpu/intrinsics.cuh', '#include "cuda/core/memory.cuh"', /may not/],
  [checks.includeProblems, 'cuda/topk.cu', '#include "cuda/reduce.cuh"', /which is nowhere/],
  [checks.includeProblems, 'native/addon/planted.cc', '#include "native/reference/support.h"', /may not/], // prettier-ignore
  [checks.circleProblems, 'ts/tensor/shape.ts', "import type { Tensor } from './tensor'", /a circle of imports: .*ts\/tensor\/shape.ts -> ts\/tensor\/tensor.ts/], // prettier-ignore
  [checks.cellNameProblems, 'ts/models/parts/stack.ts', "if (cell === 'lstm') begin()", /stack.ts:\d+ tells a cell by its name/], // prettier-ignore
  [checks.cellNameProblems, 'ts/cli/bench.ts', "switch (cell) { case 'gru': }", /tells a cell/],
  [checks.cellNameProblems, 'native/cpu/topk.cc', 'if (RN_GRU_RESET_BEFORE != cell) {', /tells a cell/], // prettier-ignore
  [checks.cellNameProblems, 'cuda/topk.cu', 'case RN_LSTM:', /tells a cell/],
]

for (const [check, path, line, message] of planted)
  test(`check-layers finds in ${path}: ${line}`, (t) => {
    const found = check(new Map(sources).set(path, `${sources.get(path) ?? ''}\n${line}\n`))
    t.regex(found.join('\n'), message)
  })

test('there is nothing else to find', (t) => {
  t.deepEqual(checks.allProblems(sources), [])
})

test('the page shows the table', (t) => {
  const page = readFileSync('docs/layers.md', 'utf8')
  t.deepEqual(checks.docsProblems(page), [])
  t.is(checks.docsProblems(page.replace('| `cli` |', '| `api` |')).length, 1)
})

test('help of every command answers without the addon', async (t) => {
  const env = { RNNATIVE_BINARY: '/nowhere/missing.node' }
  const visit = async (command: string[]): Promise<number> => {
    const { code, stdout } = await rnnative([...command, '--help'], { env })
    t.is(code, 0, command.join(' '))
    const [, list = ''] = stdout.split('\nCommands:\n')
    const names = Array.from(list.matchAll(/^ {2}([a-z0-9-]+)/gm), ([, name]) => name as string)
    let count = 1
    for (const name of names) if (name !== 'help') count += await visit([...command, name])
    return count
  }
  t.true((await visit([])) > 8)
})
