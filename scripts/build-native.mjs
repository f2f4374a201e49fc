// Builds the native addon into build/Release: checks the tools, then configures and builds with cmake-js.
//
//   node scripts/build-native.mjs [--tree DIR] [--target NAME] [-DNAME=VALUE ...]
//
// --tree is CMake's own folder (default .cmake/release); it lies outside build/, which node-gyp deletes.
// --target builds one CMake target only.
// Options given with -D, or in the environment variable RNNATIVE_CMAKE_ARGS (node-gyp passes no arguments on),
// replace the defaults below.
// In an installed package it unpacks the sources, tells no more than how far it is, and leaves nothing but the addon.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { runToldly, tell } from './build-progress.mjs'
import { buildTools } from './build-tools.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const work = path.join(root, '.cmake')
const checkout = existsSync(path.join(root, 'tsconfig.json')) // which the package lacks
const CMAKE_MINIMUM = [3, 21]
const NODE_MINIMUM = [20, 19]

const fail = (message) => {
  console.error(`rnnative: ${message}`)
  process.exit(1)
}

const olderThan = ([major, minor], [wantMajor, wantMinor]) =>
  major < wantMajor || (major === wantMajor && minor < wantMinor)

const succeeds = (command, args, input) =>
  spawnSync(command, args, { input, stdio: [input ? 'pipe' : 'ignore', 'ignore', 'ignore'] })
    .status === 0

function checkTools() {
  if (olderThan(process.versions.node.split('.').map(Number), NODE_MINIMUM))
    fail(`Node ${NODE_MINIMUM.join('.')} or newer is needed; this is ${process.versions.node}`)

  const cmake = spawnSync('cmake', ['--version'], { encoding: 'utf8' })
  const version = /version (\d+)\.(\d+)/.exec(cmake.stdout ?? '')
  const wanted = `CMake ${CMAKE_MINIMUM.join('.')} or newer`
  const advice = 'Install it (Debian: apt-get install cmake; macOS: brew install cmake)'
  if (!version) fail(`building from source needs ${wanted}, and cmake is not on PATH. ${advice}`)
  if (olderThan(version.slice(1).map(Number), CMAKE_MINIMUM))
    fail(`building from source needs ${wanted}; cmake on PATH is ${version[1]}.${version[2]}`)

  if (!['ninja', 'make'].some((tool) => succeeds(tool, ['--version'])))
    fail('building from source needs make or ninja, and neither is on PATH')

  const compilers = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++']
  const program = '#include <concepts>\n#include <span>\nstd::span<const float> ok;\n'
  const args = ['-std=c++20', '-x', 'c++', '-fsyntax-only', '-']
  if (!compilers.some((compiler) => succeeds(...compiler.split(' ').slice(0, 1), args, program)))
    fail(
      `building from source needs a C++20 compiler such as g++ 12 or clang++ 16; ` +
        `none works among: ${compilers.join(', ')} (set CXX to name another)`,
    )
}

function parseArguments() {
  const options = {
    RNNATIVE_OUTPUT_DIR: path.join(root, 'build', 'Release'),
    RNNATIVE_CUDA: 'OFF',
    RNNATIVE_CUDA_ARCHITECTURES: '80-real;90a-real;90-virtual',
    RNNATIVE_MPI: 'OFF',
    RNNATIVE_WERROR: 'OFF',
    RNNATIVE_UNITY: 'OFF',
    RNNATIVE_SANITIZE: 'OFF',
    RNNATIVE_EMULATE_AVX512: 'OFF',
    RNNATIVE_ISAS: 'all',
  }
  let tree = path.join(work, 'release')
  let target = 'all'
  const fromEnvironment = (process.env.RNNATIVE_CMAKE_ARGS ?? '').split(' ').filter(Boolean)
  const args = [...fromEnvironment, ...process.argv.slice(2)]
  for (let i = 0; i < args.length; ++i) {
    const definition = /^-D(\w+)=(.*)$/.exec(args[i])
    if (definition) options[definition[1]] = definition[2]
    else if (args[i] === '--tree' && args[i + 1]) tree = path.resolve(args[++i])
    else if (args[i] === '--target' && args[i + 1]) target = args[++i]
    else
      fail(
        `unknown argument ${args[i]}; usage: build-native.mjs [--tree DIR] [--target NAME] [-DNAME=VALUE ...]`,
      )
  }
  options.RNNATIVE_OUTPUT_DIR = path.resolve(options.RNNATIVE_OUTPUT_DIR)
  return { tree, target, options }
}

function run(command, args) {
  if (!checkout) return runToldly(command, args, { cwd: root })
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error) fail(`${command}: ${error.message}`)
  return status === 0
}

/** The sources of an installed package, which go again when the build ends. */
function unpackSources() {
  const archive = path.join(root, 'sources.tar.gz')
  const names = ['native', 'cuda', 'cmake', 'CMakeLists.txt']
  process.on('exit', () => {
    for (const name of [...names, '.cmake'])
      rmSync(path.join(root, name), { recursive: true, force: true })
  })
  const { status } = spawnSync('cmake', ['-E', 'tar', 'xzf', archive], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) fail(`${archive} could not be unpacked`)
}

function findTools() {
  try {
    return buildTools(root, path.join(work, 'tools'))
  } catch (error) {
    fail(error.message)
  }
}

checkTools()
const { tree, target, options } = parseArguments()
if (!checkout) unpackSources()
const { cmakeJs, include } = findTools()
if (include) options.RNNATIVE_NODE_API_INCLUDE = include
// cmake-js configures only when there is no cache, so that a changed option would go unseen: always configure.
const configure = () =>
  run(process.execPath, [
    cmakeJs,
    'configure',
    ...['--directory', root, '--out', tree, '--log-level', 'error'],
    ...Object.entries(options).map(([name, value]) => `--CD${name}=${value}`),
  ])

if (!(await configure())) {
  // A cache from another generator, compiler or source folder cannot be reused.
  if (!existsSync(path.join(tree, 'CMakeCache.txt'))) fail('CMake could not configure the build')
  rmSync(tree, { recursive: true, force: true })
  if (!(await configure())) fail('CMake could not configure the build')
}
const jobs = os.availableParallelism()
if (!checkout) tell(`compiling with ${jobs} ${jobs === 1 ? 'processor' : 'processors'}`)
if (!(await run('cmake', ['--build', tree, '--target', target, '--parallel', String(jobs)])))
  fail('the native build failed')
if (!checkout) tell('built')
