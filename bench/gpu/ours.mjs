// The contestant rnnative on the GPU: the tasks of the CPU's bench with another device.
import { info, memory } from '#dist/index.js'
import { prepareAttention } from '../contestants/ours/ours-attention.mjs'
import { prepareLanguage } from '../contestants/ours/ours-language.mjs'
import { prepareLayers } from '../contestants/ours/ours-layers.mjs'
import { serve } from '../measure/serve.mjs'
import { prepareTranslation } from './ours-translation.mjs'

const tasks = {
  ...{ attention: prepareAttention, layers: prepareLayers, language: prepareLanguage },
  translation: prepareTranslation,
}

/** A fit asks when it begins whether its steps are to run as graphs. */
async function prepare({ graphs = true, ...task }) {
  const { runs, ...rest } = await tasks[task.kind]({ ...task, device: 'cuda' })
  return {
    ...rest,
    runs: (count) => {
      process.env.RNNATIVE_CUDA_GRAPHS = graphs ? '1' : '0'
      return runs(count)
    },
  }
}

/** How far the peak of the device's memory, over the life of the process, lies above what is in use now. */
async function growth(work) {
  const { bytes } = memory().devices.cuda
  await work()
  return memory().devices.cuda.peakBytes - bytes
}

await serve({
  prepare,
  growth,
  methods: { versions: () => ({ rnnative: info().buildId, node: process.version }) },
})
