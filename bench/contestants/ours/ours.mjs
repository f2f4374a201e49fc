// The contestant rnnative.
import { info, peakGflops } from '#dist/index.js'
import { prepareAttention } from './ours-attention.mjs'
import { prepareBaseline } from './ours-baseline.mjs'
import { prepareClassifier } from './ours-classifier.mjs'
import { prepareCrf } from './ours-crf.mjs'
import { prepareForecaster } from './ours-forecaster.mjs'
import { prepareGeneration, prepareLanguage } from './ours-language.mjs'
import { countFlops, prepareLayers } from './ours-layers.mjs'
import { prepareSeq2Seq, prepareTranslation } from './ours-seq2seq.mjs'
import { prepareTagger, prepareTextClassifier } from './ours-text.mjs'
import { serve } from '../../measure/serve.mjs'

const tasks = {
  attention: prepareAttention,
  baseline: prepareBaseline,
  classifier: prepareClassifier,
  crf: prepareCrf,
  forecaster: prepareForecaster,
  layers: prepareLayers,
  language: prepareLanguage,
  generation: prepareGeneration,
  seq2seq: prepareSeq2Seq,
  tagger: prepareTagger,
  'text-classifier': prepareTextClassifier,
  translation: prepareTranslation,
}

await serve({
  prepare: (task) => tasks[task.kind](task),
  methods: {
    peak: async ({ seconds }) => ({ gflops: await peakGflops(seconds) }),
    flops: ({ row }) => ({ flops: countFlops(row) }),
    versions: () => ({ rnnative: info().buildId, isa: info().isa, node: process.version }),
  },
})
