/** The page that shows runs. uPlot, an optional package, draws: only who watches has it. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { needed } from '../packages'
import { page, pagePolicy } from '../report/page'
import { SCRIPT } from './page-script'

const STYLE = `
body { max-width: none; margin: 1rem 2rem } h1 { font-size: 1.2rem } #charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(28rem, 1fr)) }
.chart h2 { font-size: 1rem; margin: 0; font-weight: normal } #runs label { margin-right: 1.5rem; white-space: nowrap } .error { color: #a00 }
#settings td, #settings th { padding-right: 1.5rem; vertical-align: top } .differs td { background: #fff4d6 } .note { color: #666 }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em }
`

const BODY = `<p id="runs"></p>
<p><label>smooth <input id="smooth" type="range" min="0" max="0.99" step="0.01" value="0"></label>
<label><input id="log" type="checkbox"> logarithmic losses</label> <span id="state" class="note" role="status"></span></p>
<p class="note">Drag over a chart to look closer at all of them; a double click shows the whole again.</p>
<div id="charts"></div>
<div id="texts"></div>
<h2>Settings</h2><table id="settings"></table>`

/** As it is served, with the policy under which it works. Throws `ERR_ARGUMENT` where uPlot is missing. */
export function dashboardPage(): { html: string; policy: string } {
  const { script, style } = load()
  const head = { style: style + STYLE, script: `${script}\n${SCRIPT}` }
  return { html: page('Runs', BODY, head), policy: pagePolicy(head) }
}

function load(): { script: string; style: string } {
  return needed('[watch] curves need', 'uplot', () => {
    const folder = dirname(require.resolve('uplot'))
    const read = (name: string) => readFileSync(join(folder, name), 'utf8')
    return { script: read('uPlot.iife.min.js'), style: read('uPlot.min.css') }
  })
}
