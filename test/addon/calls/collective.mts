import type { Calls } from '../maker.mjs'

/** There is no group: what is asked of one is refused. */
export const collectiveCalls = {
  groupOpen: () => ['/nowhere/librnnative_mpi.so', 30],
  groupTicket: () => [],
  groupSum: (m) => [m.real(m.shape()), m.bool(), 1, m.bool()],
  groupBegin: () => [1],
  groupWait: () => ['cpu', 1],
  groupGather: () => [new Uint8Array(3)],
  groupBroadcast: () => [new Uint8Array(3), 0],
  groupBarrier: () => [],
  groupAbort: () => ['no more'],
  groupClose: () => [0],
} satisfies Partial<Calls>
