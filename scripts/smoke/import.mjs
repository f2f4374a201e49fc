// Run by scripts/test-package.sh in a folder where the packed package is installed: import and require must give the
// same things under the same names.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import * as imported from 'rnnative'

const required = createRequire(import.meta.url)('rnnative')
const names = Object.keys(required).sort()
assert.deepEqual(
  Object.keys(imported)
    .filter((name) => name !== '__esModule' && name !== 'module.exports')
    .sort(),
  names,
)
for (const name of names) assert.equal(imported[name], required[name], name)
assert.equal(typeof imported.LanguageModel, 'function')
console.log(`import: the same ${names.length} exports as require`)
