/** The command that converts. What runs is loaded when it runs. */
import type { Command } from 'commander'
import { convertRows } from '../../convert/options'
import { addFlags, takeFlags, type Flags } from '../arguments'

export function addConvert(program: Command): void {
  const command = program
    .command('convert')
    .description(
      'bring models in and out of PyTorch, Keras, ONNX and safetensors, or narrow their weights',
    )
    .argument(
      '<in>',
      'directory of a saved model, or a file: .pt, .pth, .safetensors, .keras, .h5, .onnx',
    )
    .argument('<out>', 'the file to write, or the directory of a model')
  addFlags(command, convertRows).action(async (from: string, to: string, flags: Flags) => {
    const { convert } = await import('../../convert/convert.js')
    const written = await convert(from, to, takeFlags(convertRows, flags))
    for (const path of written) process.stdout.write(`${path}\n`)
  })
}
