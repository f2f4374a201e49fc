/** What package.json has to say once it is published. The package itself: scripts/test-package.sh. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'

interface Manifest extends Record<string, unknown> {
  version: string
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  peerDependencies: Record<string, string>
  peerDependenciesMeta: Record<string, { optional: boolean }>
}
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest

test('it says where it comes from and where to complain', (t) => {
  for (const name of ['repository', 'homepage', 'bugs', 'license']) t.truthy(manifest[name], name)
})

test('who installs it runs nothing but the install script, and gets no package that only some need', (t) => {
  for (const name of ['prepare', 'preinstall', 'postinstall']) t.false(name in manifest.scripts)
  const { dependencies, peerDependencies, peerDependenciesMeta } = manifest
  t.deepEqual(Object.keys(dependencies).sort(), ['cli-progress', 'commander', 'node-gyp-build'])
  for (const name of Object.keys(peerDependencies))
    t.true(peerDependenciesMeta[name]?.optional, name)
})

test('the CUDA backend has the same version, and the tools of a build are pinned', (t) => {
  t.is(manifest.peerDependencies['rnnative-cuda'], manifest.version)
  for (const name of ['cmake-js', 'node-addon-api', 'node-api-headers'])
    t.regex(String(manifest.devDependencies[name]), /^\d+\.\d+\.\d+$/, name)
})

test('code that a bundler has put elsewhere says what to do', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'rnnative-bundle-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  cpSync('dist', join(root, 'dist'), { recursive: true })
  for (const entry of ['index.js', 'index.mjs']) {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'dist', entry)], {
      encoding: 'utf8',
      env: { ...process.env, RNNATIVE_BINARY: '' },
    })
    t.is(status, 1, entry)
    t.regex(stderr, /\[load\] rnnative is part of a bundle .*esbuild --external:rnnative/, entry)
  }
})
