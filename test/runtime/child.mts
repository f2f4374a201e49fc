import { execFile } from 'node:child_process'
import path from 'node:path'

/** The compiled module that loads the addon, as a string literal for scripts. */
export const nativePath = JSON.stringify(path.resolve('dist/native/index.js'))

export interface Outcome {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Runs a script (CommonJS) in a process of its own, with `native` defined. */
export function runScript(script: string, env: Record<string, string> = {}): Promise<Outcome> {
  const source = `const { native } = require(${nativePath});\n${script}`
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 60_000 }
    const child = execFile(process.execPath, ['-e', source], options, (_, stdout, stderr) => {
      resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr })
    })
  })
}
