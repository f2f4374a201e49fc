// The tools of the native build: cmake-js and the headers of Node-API, in the versions that package.json names among
// its devDependencies. `npm ci` brings them into a checkout. An installed package has none, since most never build: they
// are fetched for the build, into a folder that goes when it ends.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { tell } from './build-progress.mjs'

const NAMES = ['cmake-js', 'node-addon-api', 'node-api-headers']

// What the npm that runs us was told is not meant for this installation, but for where from and through what.
const KEPT =
  /^npm_config_(registry|cache|userconfig|globalconfig|.*proxy|ca|cafile|strict_ssl|offline|fetch_.*)$/i

function fetchTools(wanted, folder) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n')
  const { INIT_CWD = '', npm_execpath = '' } = process.env
  const registries = path.join(INIT_CWD, '.npmrc')
  if (INIT_CWD !== '' && existsSync(registries))
    copyFileSync(registries, path.join(folder, '.npmrc'))
  const npm = npm_execpath.endsWith('npm-cli.js') ? [process.execPath, npm_execpath] : ['npm']
  const flags = ['--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund']
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.toLowerCase().startsWith('npm_config_') || KEPT.test(name),
    ),
  )
  return spawnSync(npm[0], [...npm.slice(1), 'install', '--loglevel=error', ...flags, ...wanted], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
}

/**
 * The path of cmake-js and, where CMake does not find them by itself, the folders of the headers. Throws what to do
 * where they cannot be had.
 */
export function buildTools(root, folder) {
  const own = createRequire(path.join(root, 'package.json'))
  try {
    for (const name of NAMES) own.resolve(name)
    return { cmakeJs: own.resolve('cmake-js/bin/cmake-js'), include: null }
  } catch {
    // an installed package
  }
  const { devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const wanted = NAMES.map((name) => `${name}@${devDependencies[name]}`)
  tell(`fetching ${wanted.join(', ')} for the build`)
  const { status, error, stderr } = fetchTools(wanted, folder)
  if (status !== 0) {
    const reason = error?.message ?? stderr.split('\n').slice(0, 4).join('\n')
    throw new Error(
      `npm cannot fetch them; install them beside rnnative by other means, then npm rebuild rnnative\n${reason}`,
    )
  }
  const fetched = createRequire(path.join(folder, 'package.json'))
  const folders = NAMES.slice(1).map((name) => fetched(name).include_dir)
  return { cmakeJs: fetched.resolve('cmake-js/bin/cmake-js'), include: folders.join(';') }
}
