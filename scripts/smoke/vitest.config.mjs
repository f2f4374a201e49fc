// Of scripts/test-package.sh: runners.test.mjs in each of Vitest's pools.
const projects = ['threads', 'forks', 'vmThreads', 'vmForks'].map((pool) => {
  return { test: { name: pool, pool, globals: true, include: ['runners.test.mjs'] } }
})

export default { test: { projects } }
