// npm's install step: nothing to do when a prebuilt binary for this platform loads; otherwise build from source.
// (--build-from-source forces the build, as for other native packages.)
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

function prebuildLoads() {
  try {
    const { PREBUILDS_ONLY } = process.env
    process.env.PREBUILDS_ONLY = '1' // an older build/Release must not stand in for changed sources
    const load = createRequire(import.meta.url)('node-gyp-build')
    if (PREBUILDS_ONLY === undefined) delete process.env.PREBUILDS_ONLY
    readdirSync(path.join(root, 'prebuilds'))
    load(root)
    return true
  } catch (error) {
    if (error.code !== 'ENOENT')
      console.error(`rnnative: no usable prebuilt binary: ${error.message}`)
    return false
  }
}

const fromSource = ['true', 'rnnative'].includes(process.env.npm_config_build_from_source ?? '')
if (fromSource || !prebuildLoads()) {
  // This machine will run it: the kernels of other processors would double the time.
  process.env.RNNATIVE_CMAKE_ARGS = `-DRNNATIVE_ISAS=native ${process.env.RNNATIVE_CMAKE_ARGS ?? ''}`
  await import('./build-native.mjs')
}
