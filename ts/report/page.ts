import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { checkPath, isListOf, isObject } from '../check'
import { expect, RnnativeError } from '../errors'
import { makeDirectory } from '../io/directories'
import { ioError, writeFileAtomic } from '../io/files'
import { isPicture } from './suffix'

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export const escape = (text: unknown): string =>
  String(text).replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c)

const STYLE = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse } th { text-align: left; font-weight: normal; color: #666; padding-right: 2rem }
pre { white-space: pre-wrap; background: #f6f6f4; padding: 1rem; border-radius: 4px } pre b { color: #666; font-weight: normal }
svg { max-width: 100%; height: auto } figure { margin: 2rem 0 } .wide td, .wide th { padding-right: 2rem; vertical-align: top }`

/** What a page has besides its body. */
interface Head {
  style?: string
  /** Run when all of the body is there. */
  script?: string
}

/** A page that needs no other file and runs no script but that which it is given; `body` is HTML. */
export const page = (title: string, body: string, { style = '', script }: Head = {}): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
<h1>${escape(title)}</h1>
${body}${script === undefined ? '' : `\n<script>${script}</script>`}
</body>
</html>
`

const hash = (text: string): string =>
  `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`

/** A `Content-Security-Policy` under which such a page works and nothing else does. `scripts`: where more come from. */
export const pagePolicy = ({ style = '', script = '' }: Head, scripts = ''): string =>
  [
    "default-src 'none'",
    `script-src ${hash(script)}${scripts}`,
    `style-src ${hash(STYLE + style)}`,
    "connect-src 'self'",
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ].join('; ')

/** Writes a file, in a directory that is made where it is missing; `ERR_IO` when that fails. */
export async function writeInto(path: string, content: string): Promise<void> {
  checkPath('report', 'path', path)
  try {
    makeDirectory(dirname(path))
  } catch (error) {
    throw ioError('report', path, error)
  }
  await writeFileAtomic(path, content)
}

/** A drawing on a page. */
export interface Figure {
  /** As `drawAttention` and its like give it. */
  svg: string
  /** What stands below it. */
  caption?: string | undefined
}

const figure = ({ svg, caption }: Figure): string =>
  `<figure>\n${svg}\n${caption === undefined ? '' : `<figcaption>${escape(caption)}</figcaption>\n`}</figure>`

/**
 * Writes figures as one page that needs no other file, or, where the path ends with `.svg` and not `.html`, a single
 * figure as an image. Throws `ERR_ARGUMENT` for several figures in one image and other suffixes, `ERR_IO`.
 */
export async function writeFigures(
  path: string,
  title: string,
  figures: readonly Figure[],
): Promise<void> {
  checkPath('report', 'path', path)
  const drawn = isListOf(figures, (one) => isObject(one) && typeof one['svg'] === 'string')
  expect('report', 'figures', drawn, 'a list of { svg }', figures)
  expect('report', 'path', isPicture(path), 'a file that ends with .html or .svg', path)
  const [first] = figures
  if (!path.toLowerCase().endsWith('.svg'))
    return writeInto(path, page(title, figures.map(figure).join('\n')))
  if (first === undefined || figures.length > 1)
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[report] ${path}: expected one figure for an SVG file, got ${figures.length}; ` +
        'write several to an HTML file',
    )
  await writeInto(path, first.svg)
}
