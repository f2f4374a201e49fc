// What the GPU is and what was found for it, in a few seconds: the first thing to know on a machine that is lent for
// minutes. Fails where cuBLAS was not found or gives another product than the CPU: figures would be of other kernels.
import { native } from '#dist/native/index.js'
import { nn, ops, randn } from '#dist/index.js'

const SIZE = 1024 // from 2^27 multiply-adds on cuBLAS multiplies
const probe = native.cudaProbe()
console.log(JSON.stringify(probe))
if (!probe.available) throw new Error(`no GPU: ${probe.reason}; ${probe.fix}`)
const emulated = probe.devices[0].startsWith('emulated')

// So that RNNATIVE_CUDA_PLANS tells how many clusters run at once, and how a layer is laid over the device.
const size = emulated ? 60 : 768
for (const precision of ['bf16', 'f32']) {
  const lstm = new nn.LSTM({ input: 8, hidden: size, precision, device: 'cuda', seed: 1 })
  await lstm.forward(randn([2, 16, 8], { seed: 1, device: 'cuda' })).output.data()
}

if (!emulated) {
  const product = async (device) => {
    const [a, b] = [1, 2].map((seed) => randn([SIZE, SIZE], { seed, device }))
    return ops.matmul(a, b).data()
  }
  const [ours, expected] = [await product('cuda'), await product('cpu')]
  const off = Math.max(...ours.map((value, i) => Math.abs(value - expected[i])))
  if (!(off < 1e-2)) throw new Error(`a product of ${SIZE} x ${SIZE} is off by ${off}`)
  if (probe.cublas === '') throw new Error('cuBLAS NOT FOUND: set RNNATIVE_CUBLAS_PATH')
}
console.log(`${probe.devices[0]}, cuBLAS ${probe.cublas || 'not needed in emulation'}`)
