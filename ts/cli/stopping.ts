/** The first of these lets a server end in good order, the second ends it at once, as it would by itself. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export const untilStopped = (): Promise<void> =>
  new Promise((resolve) => {
    const stop = () => {
      for (const signal of SIGNALS) process.off(signal, stop)
      resolve()
    }
    for (const signal of SIGNALS) process.on(signal, stop)
  })
