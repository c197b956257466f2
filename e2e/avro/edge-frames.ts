/** When the first frame of {@link edgeFrames} was sent. */
export const BEGIN_MS = 1_700_000_000_000;

/** Made-up frames with numbers at the edges: 1e-8, below 0, a volume of 2^53+1 and notionals of 38 digits. */
export function edgeFrames(): readonly string[] {
  const trades = [
    ['AAPL', 189.5, 10],
    ['币安', 1e-8, 1e-8],
    ['CL=F', -1, 3],
    ['CL=F', -37.63, 0.1],
    ['HUGE', 99_999_999_999, 99_999_999_998],
  ] as const;
  const frameOf = (n: number, [s, p, v]: readonly [string, number, number]): string => {
    const t = BEGIN_MS + n * 200;
    return JSON.stringify({ recv_ms: t, frame: { type: 'trade', data: [{ s, p, t, v, c: null }] } });
  };
  return [
    frameOf(0, ['EDGE', 1, 90_071_992.547_409_92]),
    frameOf(1, ['EDGE', 1, 1e-8]),
    ...Array.from({ length: 400 }, (_, n) => frameOf(n + 2, trades[n % trades.length] ?? trades[0])),
  ];
}
