// Runs a step of an install's build. Of the hundreds of lines that make and ninja write it tells every tenth of the work,
// and the last ones where it fails.
import { spawn } from 'node:child_process'
import { openSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

const LAST_LINES = 40

// npm shows what an install script wrote once it has failed, otherwise never: a terminal is told directly.
function openTerminal() {
  const { npm_config_user_agent: agent = '', npm_config_foreground_scripts: shown } = process.env
  if (process.stderr.isTTY || !agent.startsWith('npm/') || shown === 'true') return null
  try {
    return openSync('/dev/tty', 'w')
  } catch {
    return null
  }
}

let terminal

/** Writes a line where whoever waits sees it. */
export function tell(text) {
  terminal ??= openTerminal() ?? undefined
  console.error(`rnnative: ${text}`)
  // npm's own sign of life stands in the line.
  if (terminal !== undefined) writeSync(terminal, `\r\x1b[Krnnative: ${text}\n`)
}

/** How much of the work is done, by a line of make or ninja; null: it does not say. */
function shareOf(line) {
  const [, percent] = /^\[ *(\d+)%\]/.exec(line) ?? []
  if (percent !== undefined) return Number(percent) / 100
  const [, done, all] = /^\[(\d+)\/(\d+)\]/.exec(line) ?? []
  return done === undefined ? null : Number(done) / Number(all)
}

/** Resolves with whether the command succeeded. */
export async function runToldly(command, args, options) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const last = []
  let tenths = 0
  const read = (line) => {
    last.push(line)
    if (last.length > LAST_LINES) last.shift()
    const now = Math.floor((shareOf(line) ?? 0) * 10)
    if (now > tenths) tell(`${now * 10}% built`)
    tenths = Math.max(tenths, now)
  }
  createInterface(child.stdout).on('line', read)
  createInterface(child.stderr).on('line', read)
  const ended = await new Promise((resolve) => {
    child.once('error', ({ message }) => resolve(message))
    child.once('close', (code) => resolve(code))
  })
  if (ended !== 0) console.error([...last, `${command}: ${ended}`].join('\n'))
  return ended === 0
}
