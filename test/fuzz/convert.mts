/** Files of foreign formats with bytes changed: refused, or read, but no crash and no error that is not ours. */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { convert, RnnativeError, tensor, zeros, type Tensor } from 'rnnative'
import { Draw } from '../support/host.mjs'

const GOLDEN = 'test/golden/convert'

const ids = (steps: number) => ({
  x: tensor(
    Int32Array.from({ length: 2 * steps }, (_, i) => 1 + (i % 4)),
    [steps, 2],
  ),
})

/** What the unchanged models take, by file. */
const FEEDS: Readonly<Record<string, Record<string, Tensor | Int32Array>>> = {
  'lstm_both.onnx': {
    ...{ X: zeros([5, 2, 3]), sequence_lens: Int32Array.of(5, 3) },
    ...{ initial_h: zeros([2, 2, 4]), initial_c: zeros([2, 2, 4]) },
  },
  'gru_before.onnx': {
    ...{ X: zeros([5, 2, 3]), sequence_lens: Int32Array.of(5, 3), initial_h: zeros([2, 2, 4]) },
  },
  'torch_language.onnx': ids(2),
  'torch_language_dynamo.onnx': ids(5),
  'torch_classifier.onnx': ids(2),
  'torch_classifier_dynamo.onnx': ids(5),
}

interface Format {
  /** What is changed. */
  files: readonly string[]
  read(path: string): Promise<unknown>
}

export const FORMATS: Readonly<Record<string, Format>> = {
  torch: { files: ['language.pt', 'odd.pt'], read: (path) => convert.readTorch(path) },
  onnx: {
    files: Object.keys(FEEDS),
    read: async (path) => {
      using network = await convert.readOnnx(path)
      const made = network.forward(FEEDS[basename(path)] ?? {})
      for (const y of Object.values(made)) {
        await y.data()
        y.dispose()
      }
    },
  },
  keras: {
    files: ['text.keras', 'text.weights.h5'],
    read: async (path) => {
      if (path.endsWith('.keras')) (await convert.loadKeras(path)).dispose()
      else await convert.readKeras(path)
    },
  },
}

/** One to eight changes: a byte, a run of bytes from elsewhere, a cut. */
function mutated(bytes: Buffer, draw: Draw): Buffer {
  let made = Buffer.from(bytes)
  for (let i = 1 + draw.below(8); i > 0; --i) {
    const at = draw.below(made.length)
    switch (draw.below(6)) {
      case 0:
        made[at] = draw.below(256)
        break
      case 1:
        made[at] = [0, 1, 0x7f, 0x80, 0xff][draw.below(5)] as number
        break
      case 2:
        made[at] = (made[at] as number) ^ (1 << draw.below(8))
        break
      case 3:
        made.copy(made, at, draw.below(made.length), draw.below(made.length))
        break
      case 4:
        made.fill(draw.below(2) === 0 ? 0xff : 0, at, Math.min(made.length, at + 1 + draw.below(8)))
        break
      case 5:
        if (draw.below(8) === 0) made = made.subarray(0, at + 1)
        break
    }
  }
  return made
}

/** Reads `count` changed files of a format; gives how many were read all the same, or what went wrong. */
export async function fuzzFormat(
  format: string,
  { count, seed, directory }: { count: number; seed: number; directory: string },
): Promise<{ read: number; wrong: string[]; slowest: number }> {
  const { files, read } = FORMATS[format] as Format
  const result = { read: 0, wrong: [] as string[], slowest: 0 }
  for (let i = 0; i < count; ++i) {
    const file = files[i % files.length] as string
    const path = join(directory, file)
    writeFileSync(path, mutated(readFileSync(join(GOLDEN, file)), new Draw(seed + i)))
    const began = performance.now()
    try {
      await read(path)
      ++result.read
    } catch (error) {
      if (!(error instanceof RnnativeError))
        result.wrong.push(`${file}, seed ${seed + i}: ${(error as Error)?.stack ?? String(error)}`)
    }
    result.slowest = Math.max(result.slowest, performance.now() - began)
  }
  return result
}
