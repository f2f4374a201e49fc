// The rivals' own environments, in folders that git ignores: Python packages under .cache/peers-venv, npm
// packages under bench/contestants/node.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const contestants = path.resolve(here, '../contestants')
const environment = path.resolve(here, '../../.cache/peers-venv')

function run(command, args, cwd) {
  console.error(`$ ${command} ${args.join(' ')}`)
  execFileSync(command, args, { cwd, stdio: ['ignore', 2, 2] })
}

/** The Python to use: the one given, none for `none`, else that of the environment, made when it is first needed. */
export function setUpPython(given) {
  if (given === 'none') return undefined
  if (given) return path.resolve(given)
  const python = path.join(environment, 'bin', 'python3')
  const requirements = path.join(contestants, 'requirements.txt')
  const wanted = readFileSync(requirements, 'utf8')
  const stamp = path.join(environment, 'requirements.txt') // what has been installed
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python
  run('python3', ['-m', 'venv', environment])
  run(python, ['-m', 'pip', 'install', '-r', requirements])
  writeFileSync(stamp, wanted)
  return python
}

/** Install scripts are left out: they download GPU libraries, and the CPU needs none. */
export function setUpNode() {
  const folder = path.join(contestants, 'node')
  if (!existsSync(path.join(folder, 'node_modules', '.package-lock.json')))
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], folder)
}
