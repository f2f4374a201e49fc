import { RnnativeError } from '../errors'
import { Seq2Seq, Seq2SeqEnsemble } from '../models'
import type { Precision } from '../tensor'

/** Loads the models that `--model` names, one or several that decide together, for as long as `use`. */
export async function withModels<T>(
  { model: list, precision }: { model: string; precision?: Precision },
  use: (translator: Seq2Seq | Seq2SeqEnsemble) => Promise<T>,
): Promise<T> {
  const directories = list.split(',').filter((directory) => directory !== '')
  if (directories.length === 0)
    throw new RnnativeError('ERR_ARGUMENT', '--model: expected a directory')
  const models: Seq2Seq[] = []
  try {
    for (const directory of directories) models.push(await Seq2Seq.load(directory, { precision }))
    const [only] = models
    return await use(models.length === 1 && only ? only : new Seq2SeqEnsemble(models))
  } finally {
    for (const model of models) await model.dispose()
  }
}
