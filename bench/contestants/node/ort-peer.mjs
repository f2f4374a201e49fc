// The contestant onnxruntime-node. `task.model` is a file that ort_peer.py wrote.
import ort from 'onnxruntime-node'
import { serve, timed } from '../../measure/serve.mjs'

const intraOpNumThreads = Number(process.env.OMP_NUM_THREADS)

const openSession = ({ model }) =>
  ort.InferenceSession.create(model, { intraOpNumThreads, interOpNumThreads: 1 })

async function prepareLayers(task) {
  const session = await openSession(task)
  const { steps, batch, input } = task
  const values = Float32Array.from({ length: steps * batch * input }, () => Math.random() - 0.5)
  const x = new ort.Tensor('float32', values, [steps, batch, input])
  return { runs: timed(() => session.run({ x })), dispose: () => session.release() }
}

/** An index drawn from probabilities. */
function draw(probabilities) {
  let rest = Math.random()
  for (let i = 0; i < probabilities.length; ++i) if ((rest -= probabilities[i]) < 0) return i
  return probabilities.length - 1
}

async function prepareGeneration(task) {
  const session = await openSession(task)
  const { layers, hidden, tokens } = task
  const names = Array.from({ length: layers }, (_, i) => [`h${i}`, `c${i}`]).flat()
  const zeros = () => new ort.Tensor('float32', new Float32Array(hidden), [1, 1, hidden])
  const generate = async () => {
    const feeds = Object.fromEntries(names.map((name) => [name, zeros()]))
    let id = 0
    for (let i = 0; i < tokens; ++i) {
      feeds.id = new ort.Tensor('int64', BigInt64Array.of(BigInt(id)), [1, 1])
      const answers = await session.run(feeds)
      for (const name of names) feeds[name] = answers[`next_${name}`]
      id = draw(answers.p.data)
    }
  }
  return { runs: timed(generate), dispose: () => session.release() }
}

await serve({
  prepare: (task) => (task.kind === 'generation' ? prepareGeneration : prepareLayers)(task),
  methods: { versions: () => ({ 'onnxruntime-node': ort.env.versions.node }) },
})
