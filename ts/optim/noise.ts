import { add, clamp, mul, pow } from '../ops'
import { noGrad, scope, zeros, type Tensor } from '../tensor'
import { fillRandom, type NativeRandom } from '../tensor/random'
import type { Arena } from './arena'

/** Noise that is added to a step's gradient (Neelakantan et al. 2015): normal, of a parameter's own stream by its name. */
export interface GradientNoise {
  readonly deviation: number
  random(name: string): NativeRandom
}

/** Scales all gradients down to `clipNorm`, as an update would; 0: they stay. */
function clip({ gradients }: Arena, norm: Tensor, clipNorm: number): void {
  if (clipNorm === 0) return
  const scale = clamp(mul(pow(add(norm, 1e-6), -1), clipNorm), 0, 1)
  gradients.assign(mul(gradients, scale))
}

/** Adds noise to gradients once they are clipped, which would take it away. What is frozen has none. */
export function addNoise(
  arena: Arena,
  norm: Tensor,
  clipNorm: number,
  { deviation, random }: GradientNoise,
): void {
  const { device } = arena
  scope(() => noGrad(() => clip(arena, norm, clipNorm)))
  for (const slice of arena.slices) {
    if (!slice.parameter.requiresGrad) continue
    scope(() =>
      noGrad(() => {
        const noise = zeros(slice.parameter.shape, { device })
        fillRandom(noise, 'normal', 0, deviation, random(slice.name))
        const gradient = arena.part(arena.gradients, slice)
        gradient.assign(add(gradient, noise))
      }),
    )
  }
}
