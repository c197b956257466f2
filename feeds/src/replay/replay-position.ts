/**
 * Where a replay stands, so that it goes on after its client was lost and nothing is.
 *
 * The client's WebSocket answers each ping only after the frames before it were taken in, so a pong proves them
 * received. A client that said goodbye has sent on what it received: the replay goes on from there. One that
 * vanished may have been killed with received trades in its memory: what it was sent before is sent again, as
 * much as ingest may hold and still recognises as repeated.
 */
export interface ReplayPosition {
  /** A frame leaves, of so many characters. @returns True if a ping with the number of frames should follow. */
  sent(index: number, characters: number, nowMs: number): boolean;
  /** The client has taken in so many frames. */
  received(frames: number): void;
  /** The client left. A frame that it refused twice, the second time alone, is not sent a third time. */
  left(how: Farewell, nowMs: number): void;
  /** True for a frame that no client takes. */
  isRefused(index: number): boolean;
  /** The frame to begin with, or to go on from after a client left. */
  resumeFrom(): number;
  /** Number of frames sent at least once. */
  played(): number;
}

/** How a client left: with a word, without one, or because a frame was more than it takes. */
export type Farewell = 'goodbye' | 'vanished' | 'refusal';

interface Checkpoint {
  readonly index: number;
  readonly characters: number;
  readonly atMs: number;
}

const CHECKPOINT_CHARACTERS = 131_072;
const CHECKPOINT_MS = 1_000;
/** Most that is sent again: about 240,000 trades; ingest buffers at most 200,000 and remembers 400,000. */
const RESEND_CHARACTERS = 16_777_216;
/** Oldest that is sent again: ingest reads the five minutes before its end back when it restarts. */
const RESEND_MS = 240_000;

/** The beginning of a recording. */
export function createReplayPosition(): ReplayPosition {
  let checkpoints: Checkpoint[] = [];
  let sentFrames = 0;
  let sentCharacters = 0;
  let receivedFrames = 0;
  let resumeAt = 0;
  let sincePing = 0;
  let pingedAtMs = Number.NEGATIVE_INFINITY;
  const refused = new Set<number>();
  /** After a refusal each frame up to here is followed by a ping: so the one that is refused will be known. */
  let carefulTo = 0;
  let refusedAt = -1;

  return {
    sent(index, characters, nowMs) {
      if (checkpoints.length === 0) checkpoints.push({ index, characters: 0, atMs: nowMs });
      if (index >= sentFrames) {
        sentFrames = index + 1;
        sentCharacters += characters;
      }
      sincePing += characters;
      const isDue = sincePing >= CHECKPOINT_CHARACTERS || nowMs - pingedAtMs >= CHECKPOINT_MS;
      if (!isDue && index >= carefulTo) return false;
      sincePing = 0;
      pingedAtMs = nowMs;
      if (index + 1 === sentFrames) {
        checkpoints.push({ index: sentFrames, characters: sentCharacters, atMs: nowMs });
        const oldest = checkpoints.findIndex(({ index: at }) => at >= receivedFrames);
        checkpoints = checkpoints.filter(
          (checkpoint, at) => at >= oldest || isKept(checkpoint, sentCharacters, nowMs),
        );
      }
      return true;
    },
    received(frames) {
      receivedFrames = Math.max(receivedFrames, Math.min(frames, sentFrames));
    },
    left(how, nowMs) {
      if (how === 'refusal') {
        if (refusedAt === receivedFrames) refused.add(receivedFrames);
        refusedAt = receivedFrames;
        carefulTo = sentFrames;
      }
      const reached = checkpoints.findLast(({ index }) => index <= receivedFrames);
      const first = checkpoints.find((checkpoint) => isKept(checkpoint, reached?.characters ?? 0, nowMs));
      resumeAt =
        how === 'vanished' ? Math.min(first?.index ?? receivedFrames, receivedFrames) : receivedFrames;
    },
    isRefused: (index) => refused.has(index),
    resumeFrom: () => resumeAt,
    played: () => sentFrames,
  };
}

function isKept({ characters, atMs }: Checkpoint, reachedCharacters: number, nowMs: number): boolean {
  return reachedCharacters - characters <= RESEND_CHARACTERS && nowMs - atMs <= RESEND_MS;
}
