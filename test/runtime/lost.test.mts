/** A GPU that stops answering, and one that lacks some launches: with the CUDA emulation alone, which can be told to. */
import path from 'node:path'
import test from 'ava'
import { native } from '#dist/native/index.js'
import { runScript } from './child.mjs'

const emulated = native.cudaProbe().devices[0]?.startsWith('emulated') ?? false
const onEmulation = emulated ? test : test.skip

const library = JSON.stringify(path.resolve('dist/index.js'))
/** `output(device, hidden)` of one layer with the same weights and inputs on every device. */
const layer = `
  const { nn, randn, tensor } = require(${library});
  async function output(device, hidden) {
    const lstm = new nn.LSTM({ input: 3, hidden, device, seed: 5 });
    const x = tensor(await randn([12, 9, 3], { seed: 7 }).data(), [12, 9, 3], { device });
    return lstm.forward(x).output.data();
  }
  async function distance(a, b) {
    const [one, other] = [await a, await b];
    return Math.max(...one.map((value, i) => Math.abs(value - other[i])));
  }
`

onEmulation(
  'a block that waits in vain loses the device by name, and the process goes on',
  async (t) => {
    const script = `${layer}
    const tell = (error) => console.log(error.name, error.code, error.message);
    (async () => {
      await output('cuda', 60).catch(tell);
      await output('cuda', 4).catch(tell);
      console.log('cpu', (await output('cpu', 60)).length);
    })();`
    const { code, signal, stdout, stderr } = await runScript(script, {
      RNNATIVE_CUDA_RECURRENCE: 'grid',
      RNNATIVE_EMULATION_LOSES: '1000',
    })
    t.is(signal, null, stderr)
    t.is(code, 0, stderr)
    const lines = stdout.trim().split('\n')
    t.is(lines.length, 3, stdout)
    for (const line of lines.slice(0, 2))
      t.regex(line, /^RnnativeError ERR_DEVICE \[\w+\] .*the GPU is lost to this process/)
    t.regex(
      lines[0]!,
      /cudaErrorLaunchFailure.*block \d+ of a recurrence waited 10 s.* at step \d+; /,
    )
    t.is(lines[2], `cpu ${12 * 9 * 60}`)
  },
)

for (const [tier, refused] of [
  ['grid', 'cooperative'],
  ['cluster', 'cluster'],
  ['', 'cooperative,cluster'],
] as const)
  onEmulation(`without launches of the kind ${refused} steps run one by one`, async (t) => {
    const script = `${layer}
      (async () => {
        for (const hidden of [60, 300])
          console.log(await distance(output('cuda', hidden), output('cpu', hidden)) < 1e-5);
      })();`
    const { code, stdout, stderr } = await runScript(script, {
      RNNATIVE_CUDA_RECURRENCE: tier,
      RNNATIVE_EMULATION_REFUSES: refused,
    })
    t.is(code, 0, stderr)
    t.is(stdout.trim(), 'true\ntrue')
  })

/** Sizes that 6 multiprocessors cannot hold: the kernels for them run nowhere else without a GPU. */
onEmulation(
  'layers of 768 and 650 units run over 132 multiprocessors, in kernels for their parts of K',
  async (t) => {
    const script = `${layer}
    async function states(device, hidden) {
      const lstm = new nn.LSTM({ input: 3, hidden, precision: 'bf16', device, seed: 5 });
      const x = tensor(await randn([3, 10, 3], { seed: 7 }).data(), [3, 10, 3], { device, requiresGrad: true });
      const { output } = lstm.forward(x);
      output.backward(tensor(await randn([3, 10, hidden], { seed: 9 }).data(), [3, 10, hidden], { device }));
      return [...await output.data(), ...await x.grad.data()];
    }
    (async () => {
      for (const hidden of [768, 650])
        console.log(await distance(states('cuda', hidden), states('cpu', hidden)) < 2 ** -7);
    })();`
    const { code, stdout, stderr } = await runScript(script, {
      RNNATIVE_EMULATION_MULTIPROCESSORS: '132',
      RNNATIVE_CUDA_PLANS: '1',
    })
    t.is(code, 0, stderr)
    t.is(stdout.trim(), 'true\ntrue')
    const plans = [
      ...stderr.matchAll(/hidden (\d+) .*: grid of .* parts of K of (\d+) in a kernel for (\d+)/g),
    ]
    t.deepEqual(
      plans.map(([, ...numbers]) => numbers.map(Number)),
      [
        [768, 96, 96],
        [768, 384, 384],
        [650, 96, 96],
        [650, 352, 384],
      ],
    )
  },
)
