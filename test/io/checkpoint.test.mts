/** Whatever call fails while a checkpoint is written, the pointers name whole ones, and what is not ours stays. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { io, type RnnativeError } from 'rnnative'
import { findCheckpoint, writeCheckpoint } from '#dist/io/checkpoint.js'
import { failing } from '../support/faults.mjs'

const filesOf = (step: number) => ({
  json: { 'state.json': { format: 1, progress: { step } }, 'notes.json': {} },
  tensors: {
    'model.safetensors': new Map([['step', { shape: [1], data: Float32Array.of(step) }]]),
  },
})

/** The step of the checkpoint that a pointer names, which is whole. */
async function stepOf(directory: string, pointer: 'latest' | 'best'): Promise<number> {
  const path = (await findCheckpoint(directory, pointer)) as string
  const state = JSON.parse(fs.readFileSync(join(path, 'state.json'), 'utf8')) as {
    progress: { step: number }
  }
  const { tensors } = await io.readSafetensors(join(path, 'model.safetensors'))
  return tensors.get('step')?.data[0] === state.progress.step ? state.progress.step : NaN
}

for (const code of ['ENOSPC', 'EIO', 'EINVAL', 'EXDEV'])
  test.serial(`${code} at every call of a checkpoint`, async (t) => {
    let [n, calls] = [0, 0]
    while (calls >= n++) {
      const directory = fs.mkdtempSync(join(tmpdir(), 'rnnative-'))
      fs.mkdirSync(join(directory, 'step-3'))
      fs.writeFileSync(join(directory, 'step-3', 'lesson.md'), 'precious')
      await writeCheckpoint(directory, 1, filesOf(1), true)
      await writeCheckpoint(directory, 2, filesOf(2), false)
      let failed: RnnativeError | null = null
      calls = await failing(n, code, () =>
        writeCheckpoint(directory, 3, filesOf(3), true).then(
          () => undefined,
          (error: RnnativeError) => void (failed = error),
        ),
      )
      const [latest, best] = [await stepOf(directory, 'latest'), await stepOf(directory, 'best')]
      const wanted = failed === null ? ['3 3'] : ['2 1', '2 3', '3 3']
      t.true(wanted.includes(`${latest} ${best}`), `call ${n}: ${latest} ${best}`)
      if (failed) t.is((failed as RnnativeError).code, 'ERR_IO')
      // What was left lying there goes with the next.
      await writeCheckpoint(directory, 4, filesOf(4), true)
      t.deepEqual(fs.readdirSync(directory).sort(), ['best', 'latest', 'step-3', 'step-4'])
      t.deepEqual(fs.readdirSync(join(directory, 'step-3')), ['lesson.md'])
    }
    t.true(calls > 20)
  })

test('checkpoints of earlier versions, which do not list their files, are removed in their turn', async (t) => {
  const directory = fs.mkdtempSync(join(tmpdir(), 'rnnative-'))
  const old = join(directory, 'step-1')
  await writeCheckpoint(directory, 1, filesOf(1), true)
  fs.writeFileSync(join(old, 'state.json'), JSON.stringify({ format: 1, progress: { step: 1 } }))
  await writeCheckpoint(directory, 2, filesOf(2), true)
  t.false(fs.existsSync(old))
})
