// The ESM entry: the same classes as require('rnnative') gives, re-exported by name.
export * from './index.js'
