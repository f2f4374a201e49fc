import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ioError, writeFileAtomic } from '../io/files'
import { drawCurves, type Curves } from './chart'

export interface Report {
  title: string
  curves: Curves
  /** Figures to show at the top, as they should read. */
  results: Readonly<Record<string, string | number>>
  settings: Readonly<Record<string, string | number | boolean>>
  /** What the model writes after `prompt`. */
  sample?: { prompt: string; text: string } | undefined
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escape = (text: unknown): string => String(text).replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c)

const table = (rows: Readonly<Record<string, unknown>>): string =>
  `<table>${Object.entries(rows)
    .map(([name, value]) => `<tr><th>${escape(name)}</th><td>${escape(value)}</td></tr>`)
    .join('\n')}</table>`

const STYLE = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse } th { text-align: left; font-weight: normal; color: #666; padding-right: 2rem }
pre { white-space: pre-wrap; background: #f6f6f4; padding: 1rem; border-radius: 4px } pre b { color: #666; font-weight: normal }
svg { max-width: 100%; height: auto }`

/** A page that needs no other file and runs no script. */
export async function renderReport(report: Report): Promise<string> {
  const { title, curves, results, settings, sample } = report
  const chart = await drawCurves(curves)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(title)}</h1>
${table(results)}
<h2>Loss</h2>
${chart}
${sample ? `<h2>Sample</h2>\n<pre><b>${escape(sample.prompt)}</b>${escape(sample.text)}</pre>` : ''}
<h2>Settings</h2>
${table(settings)}
</body>
</html>
`
}

/** Writes {@link renderReport}'s page; `ERR_IO` when that fails. */
export async function writeReport(path: string, report: Report): Promise<void> {
  const page = await renderReport(report)
  try {
    await mkdir(dirname(path), { recursive: true })
  } catch (error) {
    throw ioError('report', path, error)
  }
  await writeFileAtomic(path, page)
}
