// The site of `npm run docs`: the guides in the order of docs/README.md, and the reference of all that is public.
import { readFileSync } from 'node:fs'

/** Pages by the heading that they stand under. */
export const guides = readFileSync('docs/README.md', 'utf8')
  .split(/^## /m)
  .slice(1)
  .map((section) => ({
    heading: section.slice(0, section.indexOf('\n')),
    pages: [...section.matchAll(/^\| \[([\w-]+\.md)\]/gm)].map(([, page]) => `docs/${page}`),
  }))

export default {
  name: 'rnnative',
  entryPoints: ['ts/index.ts'],
  tsconfig: 'tsconfig.json',
  plugin: ['./scripts/typedoc-schema.mjs', './scripts/typedoc-guides.mjs'],
  out: 'site',
  readme: 'README.md',
  projectDocuments: [
    'docs/README.md',
    ...guides.flatMap(({ pages }) => pages),
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
  ],
  includeVersion: true,
  disableGit: true,
  sourceLinkTemplate: 'https://github.com/rnnative/rnnative/blob/main/{path}#L{line}',
  excludeInternal: true,
  excludePrivate: true,
  highlightLanguages: ['bash', 'javascript', 'typescript', 'json', 'python', 'docker'],
  navigation: { includeGroups: true },
  groupOrder: ['Guides', ...guides.map(({ heading }) => heading), 'Project', '*'],
  /** A guide's name is no address, though .md ends those of a country. */
  markdownItLoader: (parser) => parser.linkify.set({ fuzzyLink: false }),
  validation: {
    notExported: false,
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    notDocumented: true,
  },
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
}
