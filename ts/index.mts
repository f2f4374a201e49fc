// The ESM entry: the same classes as require('rnnative') gives, re-exported by name.
import './unbundled.mjs'

export * from './index.js'
