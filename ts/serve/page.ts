/** The page that tries a served model: text in, result out, with what was looked at drawn. */
import { page, pagePolicy } from '../report/page'
import { SCRIPT } from './page-script'

const STYLE = `
select, input, textarea, button { font: inherit } textarea { width: 100%; box-sizing: border-box }
input[type=number], input[type=text] { width: 7rem } fieldset { border: 1px solid #ddd; margin: 1rem 0 }
label { margin-right: 1rem; white-space: nowrap } mark { border-radius: 3px; padding: 0 2px }
.error { color: #a00 } .wide { overflow-x: auto } .map td { width: 22px; height: 22px; border: 1px solid #eee; padding: 0 }
.map th { padding: 0 6px; font-size: 12px; color: #222 } .map thead th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left }
.bar { background: #08306b; height: 1em; display: inline-block }
svg.chart { width: 100%; height: 200px; background: #fafaf8 } svg polyline { fill: none; stroke: #08306b; stroke-width: 2; vector-effect: non-scaling-stroke }`

const BODY = `<p id="secured" hidden><label>token <input id="token" type="password" autocomplete="off"></label></p>
<p><label>ask <select id="what"></select></label> <span id="about"></span></p>
<textarea id="input" rows="4" spellcheck="false" aria-label="input"></textarea>
<fieldset><legend>options</legend><div id="options"></div></fieldset>
<p><button id="go">ask</button> <button id="stop" disabled>stop</button> <span id="state" role="status"></span></p>
<div id="result"></div>`

const HEAD = { style: STYLE, script: SCRIPT }

export const CONTENT_POLICY = pagePolicy(HEAD)

const TEXT = page('Try a model', BODY, HEAD)

export const tryPage = (): string => TEXT
