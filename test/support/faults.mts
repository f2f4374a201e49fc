/** A file system that fails. */
import fsp from 'node:fs/promises'

type Calls = Record<string, (...args: unknown[]) => unknown>

/** Makes the n-th call to the file system fail with this code; how many calls there were. */
export async function failing(n: number, code: string, work: () => Promise<void>): Promise<number> {
  let calls = 0
  const handle = await fsp.open('.', 'r')
  await handle.close()
  const places = [
    [fsp, ['open', 'readFile', 'readdir', 'realpath', 'rename', 'rm', 'mkdir', 'stat', 'lstat']],
    [Object.getPrototypeOf(handle), ['writeFile', 'sync']],
  ] as unknown as [Calls, string[]][]
  const undo: (() => void)[] = []
  for (const [object, names] of places)
    for (const name of names) {
      const real = object[name] as Calls[string]
      object[name] = async function (this: unknown, ...args) {
        if (++calls !== n) return real.apply(this, args)
        throw Object.assign(new Error(`${code}: made to fail`), { code })
      }
      undo.push(() => (object[name] = real))
    }
  try {
    await work()
  } finally {
    for (const one of undo) one()
  }
  return calls
}
