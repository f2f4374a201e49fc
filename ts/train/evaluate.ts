import { noGrad, scope, type DeviceName } from '../tensor'
import { Carried } from './carried'
import { ALONE, type Feed, type Portion, type Share } from '../data/feed'
import { withInputs, type Objective } from './objective'
import { measuresOf, Scalars } from './scalars'
import { addTotals, type Total, type Totals } from './totals'

/** Sums and counts of the loss and all measures over the first pass of a feed, without learning. */
export async function evaluate<B, C extends object>(
  objective: Objective<B, C>,
  feed: Feed<B>,
  device: DeviceName,
  checkGoing: () => void = () => undefined,
  share: Share = ALONE,
): Promise<Totals> {
  const totals: Record<string, Total> = {}
  const carried = new Carried<C>(objective.zeros?.bind(objective), false, device)
  // One batch is computed while the next one is made ready.
  let last: Promise<void> = Promise.resolve()
  try {
    for await (const portion of feed.pass(0, 0, false, share)) {
      checkGoing()
      if (portion.rows === 0) continue
      const next = measure(objective, portion, carried, device).then((more) =>
        addTotals(totals, more),
      )
      next.catch(() => undefined) // told when it is awaited
      await last
      last = next
    }
    await last
  } finally {
    carried.dispose()
  }
  return totals
}

async function measure<B, C extends object>(
  objective: Objective<B, C>,
  { batch, rows, within = { first: 0, rows } }: Portion<B>,
  carried: Carried<C>,
  device: DeviceName,
): Promise<Totals> {
  const state = carried.get(0, within.first, rows)
  const scalars = new Scalars()
  const { carry, read } = withInputs(objective.inputs(batch), device, (given) =>
    scope(() =>
      noGrad(() => {
        objective.module.eval()
        const made = objective.loss(given, batch, { step: 0, within, carried: state })
        const { sum, count, measures, carry } = made
        const read = measuresOf({ loss: { sum, count }, ...measures }, scalars)
        return { carry, read, kept: scalars.tensors }
      }),
    ),
  )
  carried.keep(0, carry)
  return read(await scalars.read())
}
