/** What a text frame of Finnhub's protocol turned out to be. Source: Finnhub API documentation, "Trades". */
export type FinnhubFrame =
  | { readonly kind: 'trade'; readonly entries: readonly unknown[] }
  | { readonly kind: 'news'; readonly entries: readonly unknown[] }
  /** An extension of ours: Finnhub sends no order books, the simulated market does. */
  | { readonly kind: 'book'; readonly entries: readonly unknown[] }
  /** `passedMs`: only our replay server tells, at unlimited speed, how much recorded time has passed. */
  | { readonly kind: 'ping'; readonly passedMs: number }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'unknown'; readonly type: string }
  | { readonly kind: 'bad'; readonly detail: string };

const MAX_MESSAGE_TEXT = 200;

/** Reads a text frame; whatever it is, it is an answer. The entries of a trade frame are not judged. */
export function parseFinnhubFrame(text: string): FinnhubFrame {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch (error) {
    return {
      kind: 'bad',
      detail: `not JSON: ${String(error instanceof Error ? error.message : error).slice(0, MAX_MESSAGE_TEXT)}`,
    };
  }
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) {
    return { kind: 'bad', detail: 'not a JSON object' };
  }
  const { type, data, msg, passed_ms: passedMs }: Readonly<Record<string, unknown>> = { ...frame };
  switch (type) {
    case 'trade':
    case 'news':
    case 'book':
      return Array.isArray(data)
        ? { kind: type, entries: data }
        : { kind: 'bad', detail: `${type} frame without data` };
    case 'ping':
      return { kind: 'ping', passedMs: typeof passedMs === 'number' && passedMs > 0 ? passedMs : 0 };
    case 'error':
      return { kind: 'error', message: String(msg).slice(0, MAX_MESSAGE_TEXT) };
    default:
      return typeof type === 'string'
        ? { kind: 'unknown', type: type.slice(0, MAX_MESSAGE_TEXT) }
        : { kind: 'bad', detail: 'frame without a type' };
  }
}
