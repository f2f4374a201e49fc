// The contestant rnnative on the GPU: the tasks of the CPU's bench with another device.
import { info, memory } from '#dist/index.js'
import { prepareAttention } from '../peers/ours-attention.mjs'
import { prepareLanguage } from '../peers/ours-language.mjs'
import { prepareLayers } from '../peers/ours-layers.mjs'
import { serve } from '../peers/serve.mjs'

const tasks = { attention: prepareAttention, layers: prepareLayers, language: prepareLanguage }

/** How far the peak of the device's memory, over the life of the process, lies above what is in use now. */
async function growth(work) {
  const { bytes } = memory().devices.cuda
  await work()
  return memory().devices.cuda.peakBytes - bytes
}

await serve({
  prepare: (task) => tasks[task.kind]({ ...task, device: 'cuda' }),
  growth,
  methods: { versions: () => ({ rnnative: info().buildId, node: process.version }) },
})
