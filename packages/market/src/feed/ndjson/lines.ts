/** What stood between two line ends. */
export type Line =
  | { readonly kind: 'line'; readonly text: string }
  /** Longer than a line may be; `head` is its beginning. */
  | { readonly kind: 'too_long'; readonly head: string }
  | { readonly kind: 'not_utf8'; readonly head: string };

/** Makes lines of the pieces in which a stream comes, which end anywhere, in the middle of a character too. */
export interface LineReader {
  /** The lines that a piece ends. Empty ones are left out. */
  push(piece: Uint8Array): readonly Line[];
  /** The stream has ended: what it left without a line end, if anything. */
  end(): readonly Line[];
  /** Bytes of memory held for the line that has begun. */
  heldBytes(): number;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const FIRST_BYTES = 256;
const SHOWN_BYTES = 200;
const strict = new TextDecoder('utf-8', { fatal: true });
const lenient = new TextDecoder('utf-8');

/** @param maxBytes Longest line; of a longer one no more than that is held, and it is passed over whole. */
export function createLineReader(maxBytes: number): LineReader {
  // A copy of our own: a slice of what the socket gave would hold all of it.
  let held = new Uint8Array(0);
  let length = 0;
  let isTooLong = false;

  function hold(part: Uint8Array): void {
    if (isTooLong) return;
    const needed = length + part.length;
    if (needed > maxBytes) {
      isTooLong = true;
      append(part.subarray(0, Math.max(0, Math.min(SHOWN_BYTES, maxBytes) - length)));
      held = held.slice(0, SHOWN_BYTES);
      length = Math.min(length, SHOWN_BYTES);
      return;
    }
    append(part);
  }

  function append(part: Uint8Array): void {
    const needed = length + part.length;
    if (needed > held.length) {
      const grown = new Uint8Array(Math.min(maxBytes, Math.max(FIRST_BYTES, held.length * 2, needed)));
      grown.set(held.subarray(0, length));
      held = grown;
    }
    held.set(part, length);
    length = needed;
  }

  function takeLine(): readonly Line[] {
    const bytes = held.subarray(0, length);
    const wasTooLong = isTooLong;
    length = 0;
    isTooLong = false;
    const line = wasTooLong ? { kind: 'too_long' as const, head: lenient.decode(bytes) } : lineOf(bytes);
    // What a long line took is given back; short ones share their place.
    if (held.length > FIRST_BYTES) held = new Uint8Array(0);
    return line === null ? [] : [line];
  }

  return {
    push(piece) {
      const lines: Line[] = [];
      let from = 0;
      for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, from)) {
        const part = piece.subarray(from, at);
        from = at + 1;
        if (length === 0 && !isTooLong && part.length <= maxBytes) {
          const line = lineOf(part);
          if (line !== null) lines.push(line);
          continue;
        }
        hold(part);
        lines.push(...takeLine());
      }
      if (from < piece.length) hold(piece.subarray(from));
      return lines;
    },
    end: () => takeLine(),
    heldBytes: () => held.length,
  };
}

function lineOf(bytes: Uint8Array): Line | null {
  const text = bytes.at(-1) === CARRIAGE_RETURN ? bytes.subarray(0, -1) : bytes;
  if (text.length === 0) return null;
  try {
    return { kind: 'line', text: strict.decode(text) };
  } catch {
    return { kind: 'not_utf8', head: lenient.decode(text.subarray(0, SHOWN_BYTES)) };
  }
}
