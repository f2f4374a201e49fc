/** What to do about a bundle that took this package in: it cannot hold the native addon. No imports: ts/index.mts begins with it. */

export interface Explanation {
  reason: string
  fix: string
}

export const bundled = (file = ''): Explanation => ({
  reason: `rnnative is part of a bundle${file && ` (${file})`}, which cannot hold its native addon`,
  fix:
    'mark rnnative as external (esbuild --external:rnnative, rollup external: ["rnnative"], ' +
    'webpack externals: { rnnative: "commonjs rnnative" }) and install it beside',
})
