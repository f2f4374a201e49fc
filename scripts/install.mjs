// npm's install step. Nothing to do when a prebuilt binary for this platform loads; otherwise build from source
// (options for such a build force it, and --build-from-source, as for other native packages). A checkout has its TypeScript compiled as well.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

/** Null when a prebuilt binary loads, otherwise why none does. */
function prebuildRefuses() {
  const { PREBUILDS_ONLY } = process.env
  try {
    readdirSync(path.join(root, 'prebuilds'))
    process.env.PREBUILDS_ONLY = '1' // an older build/Release must not stand in for changed sources
    createRequire(import.meta.url)('node-gyp-build')(root)
    return null
  } catch (error) {
    return error.code === 'ENOENT' ? 'there are none' : error.message.split('\n')[0]
  } finally {
    if (PREBUILDS_ONLY === undefined) delete process.env.PREBUILDS_ONLY
  }
}

// Beside the native build, which leaves a core idle at times.
const types = existsSync(path.join(root, 'tsconfig.json'))
  ? spawn('npm', ['run', '--silent', 'build:ts'], { cwd: root, stdio: 'inherit' })
  : null
const typesDone = types && once(types, 'exit')
process.on('exit', () => types?.kill())

const { npm_config_build_from_source: asked = '', RNNATIVE_CMAKE_ARGS: options = '' } = process.env
const fromSource = options !== '' || ['true', 'rnnative'].includes(asked)
const refusal = fromSource ? 'a build from source is asked for' : prebuildRefuses()
if (refusal !== null) {
  const { tell } = await import('./build-progress.mjs')
  tell(`no prebuilt binary is used (${refusal}): building from source takes some minutes`)
  // This machine will run it: the kernels of other processors would double the time.
  process.env.RNNATIVE_CMAKE_ARGS = `-DRNNATIVE_ISAS=native ${options}`
  await import('./build-native.mjs')
}
if (typesDone) {
  const [status] = await typesDone
  process.exitCode = status ?? 1
}
