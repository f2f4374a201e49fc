import { spawnSync } from 'node:child_process'
import {
  existsSync,
  renameSync,
  rmdirSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test from 'ava'
import { makeDirectory, removeEmpty } from '#dist/io/directories.js'
import { lock, type Holder } from '#dist/io/lock.js'

const fresh = () => mkdtempSync(join(tmpdir(), 'rnnative-'))

test('directories are made level by level, and those that were missing are told', (t) => {
  const root = fresh()
  const deep = join(root, 'a', 'b', 'c')
  t.deepEqual(makeDirectory(deep), [join(root, 'a'), join(root, 'a', 'b'), deep])
  t.deepEqual(makeDirectory(deep), [])
  symlinkSync('a', join(root, 'link'))
  t.deepEqual(makeDirectory(join(root, 'link')), [])
  writeFileSync(join(deep, 'file'), '')
  mkdirSync(join(root, 'a', 'b', 'd'))
  removeEmpty([join(root, 'a'), join(root, 'a', 'b', 'd')])
  t.deepEqual(readdirSync(join(root, 'a', 'b')), ['c'])
})

test('why a directory cannot be made is said, at once', (t) => {
  const root = fresh()
  writeFileSync(join(root, 'file'), '')
  symlinkSync('nowhere', join(root, 'dangling'))
  const fails = (path: string, message: RegExp) => t.throws(() => makeDirectory(path), { message })
  fails(join(root, 'file'), /file is not a directory/)
  fails(join(root, 'file', 'x'), /ENOTDIR/)
  fails(join(root, 'dangling'), /is a link to what does not exist/)
  fails(join(root, 'dangling', 'x'), /dangling is a link to what does not exist/)
  fails('/proc/rnnative/x', /no directory can be made in \/proc,/)
})

test('a working directory that was removed ends in an error', (t) => {
  const module = resolve('dist/io/directories.js')
  const code = `
    const { makeDirectory } = require(${JSON.stringify(module)})
    const directory = require('node:fs').mkdtempSync('/tmp/rnnative-')
    process.chdir(directory)
    require('node:fs').rmdirSync(directory)
    try { makeDirectory('runs/a') } catch ({ message }) { console.log(message) }`
  const { stdout } = spawnSync(process.execPath, ['-e', code], { timeout: 20_000 })
  t.regex(String(stdout), /no directory can be made in \./)
})

const busy = ({ pid }: Holder) => new Error(`busy: ${pid}`)

test('a lock that could not be removed is no longer held', async (t) => {
  const path = join(fresh(), 'lock')
  const release = await lock(path, busy)
  // A directory in its place is not removed.
  renameSync(path, `${path}.aside`)
  mkdirSync(path)
  await release()
  rmdirSync(path)
  renameSync(`${path}.aside`, path)
  await (
    await lock(path, busy)
  )()
  t.false(existsSync(path))
})

test('a lock has one holder; it is named, waited for, and gives back', async (t) => {
  const path = join(fresh(), 'lock')
  const release = await lock(path, busy)
  await t.throwsAsync(lock(path, busy), { message: `busy: ${process.pid}` })
  const next = lock(path, busy, 10_000)
  await release()
  await (
    await next
  )()
  t.false(existsSync(path))
})

test('a stale lock is taken over: of a dead process, of another that had the pid, without content', async (t) => {
  const path = join(fresh(), 'lock')
  const release = await lock(path, busy)
  const held = JSON.parse(String(spawnSync('cat', [path]).stdout)) as Holder
  await release()
  const { pid: dead } = spawnSync('true')
  const stale = [{ ...held, pid: dead }, { ...held, started: 'another boot 17' }, {}, '']
  for (const content of stale) {
    writeFileSync(path, content === '' ? '' : JSON.stringify(content))
    await (
      await lock(path, busy)
    )()
    t.false(existsSync(path))
  }
  // Of another host nothing is known.
  writeFileSync(path, JSON.stringify({ ...held, host: 'elsewhere', pid: 7 }))
  await t.throwsAsync(lock(path, busy), { message: 'busy: 7' })
})

test('what a process that was killed while taking over left goes with the next lock', async (t) => {
  const directory = fresh()
  const path = join(directory, 'lock')
  const { pid: dead } = spawnSync('true')
  for (const left of ['.over', '.over.over']) {
    for (const content of [JSON.stringify({ pid: dead, host: hostname(), started: null }), '']) {
      writeFileSync(`${path}.over`, content)
      writeFileSync(`${path}${left}`, content)
      await (
        await lock(path, busy)
      )()
      t.deepEqual(readdirSync(directory), [])
    }
  }
})

test('of many that want a stale lock one gets it at a time', async (t) => {
  const path = join(fresh(), 'lock')
  writeFileSync(path, '{}')
  let [inside, most] = [0, 0]
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const release = await lock(path, busy, 30_000)
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setTimeout(resolve, 5))
      --inside
      await release()
    }),
  )
  t.is(most, 1)
})
