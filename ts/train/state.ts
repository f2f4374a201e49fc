/** A run's checkpoints: the model's own files, and all else that going on bit for bit needs. */
import { join } from 'node:path'
import { findCheckpoint, writeCheckpoint, type CheckpointFiles } from '../io/checkpoint'
import { readJson } from '../io/files'
import { MODEL_FILE, toHost } from '../io/model-files'
import { readSafetensors } from '../io/safetensors'
import type { HostTensor } from '../nn'
import type { Optimizer } from '../optim'
import type { SavedCarried } from './carried'
import { fromJson, toJson } from './finite-json'
import { parseSavedRun, RUN_FORMAT, type SavedRun } from './saved-run'

const OPTIMIZER_FILE = 'optimizer.safetensors'
/** The weights where the model of the checkpoint is an average of such. */
const WEIGHTS_FILE = 'weights.safetensors'
const CARRIED_FILE = 'carried.safetensors'
const STATE_FILE = 'state.json'

/** What a run consists of, besides the tensors of its optimizer. */
export interface RunState {
  state: Omit<SavedRun, 'optimizer'>
  model: () => Promise<CheckpointFiles>
  /** Where these are not the model's. */
  weights: ReadonlyMap<string, HostTensor> | null
  carried: ReadonlyMap<string, HostTensor>
}

/** Writes the checkpoint of a run; its directory. */
export async function saveRun(
  directory: string,
  optimizer: Optimizer,
  { state, model, weights, carried }: RunState,
  isBest: boolean,
): Promise<string> {
  const { tensors, meta } = optimizer.stateDict()
  try {
    // All reads are enqueued before the first await.
    const [files, moments] = await Promise.all([model(), toHost(tensors)])
    const saved = { ...RUN_FORMAT, ...state, optimizer: meta }
    const all = {
      json: { ...files.json, [STATE_FILE]: toJson(saved) },
      tensors: {
        ...{ ...files.tensors, [OPTIMIZER_FILE]: moments, [CARRIED_FILE]: carried },
        ...(weights && { [WEIGHTS_FILE]: weights }),
      },
    }
    return await writeCheckpoint(directory, state.progress.step, all, isBest)
  } finally {
    for (const tensor of tensors.values()) tensor.dispose()
  }
}

export interface LoadedRun {
  path: string
  state: SavedRun
  model: ReadonlyMap<string, HostTensor>
  /** Where these are not the model's. */
  weights: ReadonlyMap<string, HostTensor> | null
  optimizer: ReadonlyMap<string, HostTensor>
  carried: SavedCarried
}

/** The latest checkpoint of a run; null where there is none yet. `ERR_FORMAT`, `ERR_IO`. */
export async function loadRun(directory: string): Promise<LoadedRun | null> {
  const path = await findCheckpoint(directory, 'latest')
  if (path === null) return null
  const statePath = join(path, STATE_FILE)
  const state = parseSavedRun(fromJson(await readJson(statePath)), statePath)
  const read = async (name: string) => (await readSafetensors(join(path, name))).tensors
  const averaged = (state.average?.count ?? 0) > 0
  const [model, weights, optimizer, carried] = await Promise.all([
    read(MODEL_FILE),
    averaged ? read(WEIGHTS_FILE) : null,
    read(OPTIMIZER_FILE),
    read(CARRIED_FILE),
  ])
  const source = join(path, CARRIED_FILE)
  return { path, state, model, weights, optimizer, carried: { tensors: carried, source } }
}
