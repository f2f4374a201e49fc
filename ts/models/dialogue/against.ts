/** What a model answers whatever is said: its decoder without a source. */
import { layOut } from '../../data'
import { normalised, type TermModel } from '../../decode/terms'
import { noGrad, scope } from '../../tensor'
import type { Seq2Seq } from '../seq2seq/model'
import { disposeEncoded } from '../seq2seq/translate'

export const anyway = ({ network, source }: Seq2Seq): TermModel => ({
  predicting({ size, begin, end }, sources) {
    const nothing = source?.end == null ? new Int32Array() : Int32Array.of(source.end)
    const read = layOut(Array.from({ length: sources }, () => nothing))
    const encoded = scope(() => noGrad(() => network.eval().encode(read)))
    const tokens = { vocabulary: size, bos: begin as number, eos: end as number }
    return {
      model: normalised(network.stepModel(encoded, tokens)),
      dispose: () => disposeEncoded(encoded),
    }
  },
})
