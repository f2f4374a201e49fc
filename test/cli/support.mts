import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'

export interface Outcome {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  /** Standard output as JSON lines. */
  lines: Record<string, unknown>[]
}

export interface CliOptions {
  env?: NodeJS.ProcessEnv
  /** Standard input. Default: none. */
  input?: string
  /** Or what comes in pieces, a while after each other. */
  pieces?: readonly (string | Uint8Array)[]
  /** Whether standard input stays open after them. */
  open?: boolean
  /** Sees each line of standard output, with the child's process id. */
  onLine?: (line: string, pid: number) => void
}

async function feed(
  stdin: Writable,
  pieces: readonly (string | Uint8Array)[],
  open: boolean,
): Promise<void> {
  for (const piece of pieces) {
    stdin.write(piece)
    await setTimeout(300)
  }
  if (!open) stdin.end()
}

/** Runs the built command. */
export function rnnative(
  args: readonly (string | number)[],
  { env, input, pieces, open = false, onLine }: CliOptions = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['dist/cli/main.js', ...args.map(String)], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    // A command that fails at once does not read it.
    child.stdin.on('error', () => undefined)
    if (pieces === undefined) child.stdin.end(input)
    else void feed(child.stdin, pieces, open)
    let stdout = ''
    let stderr = ''
    let partial = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk
      const lines = (partial + chunk).split('\n')
      partial = lines.pop() ?? ''
      for (const line of lines) onLine?.(line, child.pid as number)
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
    child.on('error', reject).on('close', (code, signal) => {
      const parse = (line: string) => JSON.parse(line) as Record<string, unknown>
      const json = stdout.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'))
      resolve({ code, signal, stdout, stderr, lines: json.map(parse) })
    })
  })
}
