// Saves a model over an older one, and trains with checkpoints, while one file operation after the other fails, each
// with ENOSPC, EIO, EINVAL and EXDEV, alone or with all that follow. After each: the old model or the new one loads
// whole, files of others are as they were, errors have a code, nothing hangs, a second save makes good, and the run
// resumes to what it would have come to.
//
//   node test/acceptance/injected.mjs
//
// Needs a C compiler. Writes bench/results/injected.json.
import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants, mkdtempSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** In memory where there is such a place: a disk's own flushes would take most of the time. */
function placeOf(inMemory) {
  try {
    accessSync(inMemory, constants.W_OK)
    return inMemory
  } catch {
    return os.tmpdir()
  }
}

const folder = mkdtempSync(path.join(placeOf('/dev/shm'), 'injected-'))
const library = path.join(folder, 'inject.so')
const control = path.join(folder, 'control')
execFileSync('cc', ['-O1', '-shared', '-fPIC', '-o', library, 'test/acceptance/inject.c', '-ldl'])
writeFileSync(control, Buffer.alloc(4096))
const { status } = spawnSync(process.execPath, ['test/acceptance/injected-cases.mjs'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    LD_PRELOAD: library,
    FAULT_CONTROL: control,
    FAULT_DIR: path.join(folder, 'data'),
    UV_USE_IO_URING: '0', // its operations are no calls
  },
})
process.exitCode = status ?? 1
