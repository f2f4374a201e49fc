/**
 * A plugin of typedoc: a guide is called by its first heading, in the navigation and where others link to it by its file's
 * name, and stands in the navigation under the heading that it has in docs/README.md.
 */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { Converter } from 'typedoc'
import options, { guides } from '../typedoc.config.mjs'

const titles = new Map(
  options.projectDocuments.map((file) => {
    const heading = /^# (.*)\n/.exec(readFileSync(file, 'utf8'))
    if (!heading) throw new Error(`${file}: a guide begins with a heading`)
    return [basename(file, '.md'), heading[1].replaceAll('`', '')]
  }),
)

/** `path`: the file's, without its ending. */
const groupOf = (path) =>
  guides.find(({ pages }) => pages.includes(`${path}.md`))?.heading ??
  (path === 'docs/README' ? 'Guides' : 'Project')

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const name = basename(document.name)
    // Documents without any share one object.
    document.frontmatter = { ...document.frontmatter, group: groupOf(document.name) }
    document.name = titles.get(name)
    for (const part of document.content)
      if (part.kind === 'text')
        part.text = part.text.replace(/\[([\w-]+)\.md\]\(/g, (whole, name) =>
          titles.has(name) ? `[${titles.get(name)}](` : whole,
        )
  })

  // The page begins with the name of the project already.
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    const [first] = project.readme
    first.text = first.text.replace(/^# .*\n/, '')
  })
}
