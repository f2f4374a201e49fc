/** What test/golden/make_convert.py wrote, and a folder to write in. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { io, tensor, type Tensor } from 'rnnative'

export const golden = (name: string): string => join('test/golden/convert', name)

/** Inputs and outputs of a golden model. */
export async function expectedOf(
  name: string,
): Promise<{ inputs: Record<string, Tensor>; outputs: Record<string, Tensor> }> {
  const { tensors } = await io.readSafetensors(golden(`${name}.safetensors`))
  const part = (prefix: string) =>
    Object.fromEntries(
      [...tensors]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, { shape, data }]) => [key.slice(prefix.length), tensor(data, shape)]),
    )
  return { inputs: part('in.'), outputs: part('out.') }
}

const TOLERANCE = 1e-5

/** By max|a-b| / max(1, max|b|). */
export async function alike(
  t: ExecutionContext,
  got: Tensor,
  wanted: Tensor,
  name = '',
): Promise<void> {
  t.is(got.size, wanted.size, name)
  const [a, b] = [await got.data(), await wanted.data()]
  let [difference, most] = [0, 1]
  for (let i = 0; i < a.length; ++i) {
    difference = Math.max(difference, Math.abs((a[i] as number) - (b[i] as number)))
    most = Math.max(most, Math.abs(b[i] as number))
  }
  t.true(difference / most < TOLERANCE, `${name}: differs by ${difference}`)
}

export function folder(t: ExecutionContext): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-convert-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return (name) => join(directory, name)
}
