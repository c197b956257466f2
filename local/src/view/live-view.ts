import type { ReadStream, WriteStream } from 'node:tty';
import { createLogUpdate } from 'log-update';
import { renderView } from './render-view.ts';
import type { ViewState } from './view-state.ts';

/** The live view in a terminal. */
export interface LiveView {
  paint(state: ViewState): void;
  /** A line of the launcher, shown with the time of day. */
  note(line: string): void;
  /** Leaves the last picture in place and gives the terminal back. May be called twice. */
  close(): void;
}

/** A terminal, and what its keys do. */
export interface LiveViewOptions {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
  readonly color: boolean;
  readonly onQuit: () => void;
  /** The key `s`; null where the market is real and does what it wants. */
  readonly onSilence: (() => void) | null;
}

const MAX_NOTES = 20;
const CTRL_C = '\u0003';
const CLEAR_SCREEN = '\u001B[2J\u001B[H';

/** Takes the terminal until it is closed, or the process ends in any way but SIGKILL. */
export function openLiveView(options: LiveViewOptions): LiveView {
  const { stdin, stdout, color, onQuit, onSilence } = options;
  const update = createLogUpdate(stdout);
  const notes: string[] = [];
  let showHelp = false;
  let state: ViewState | null = null;
  let isOpen = true;

  function repaint(): void {
    if (!isOpen || state === null) return;
    const chrome = { notes, showHelp, canSilence: onSilence !== null };
    // Some pseudo terminals have no size.
    const size = { columns: stdout.columns || 80, rows: stdout.rows || 24, color };
    const lines = renderView(state, chrome, size);
    update(lines.join('\n'));
  }

  function press(data: Buffer): void {
    for (const key of data.toString()) {
      if (key === 'q' || key === CTRL_C) onQuit();
      else if (key === 's') onSilence?.();
      else if (key === '?') showHelp = !showHelp;
    }
    repaint();
  }

  /** The terminal has wrapped or moved what was there: begin anew. */
  function resize(): void {
    if (!isOpen) return;
    update.done();
    stdout.write(CLEAR_SCREEN);
    repaint();
  }

  function close(): void {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    stdout.off('resize', resize);
    stdin.off('data', press);
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
    update.done();
  }

  process.on('exit', close);
  stdout.on('resize', resize);
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on('data', press);
    stdin.resume();
  }
  return {
    paint(next) {
      state = next;
      repaint();
    },
    note(line) {
      notes.push(`${new Date().toTimeString().slice(0, 8)} ${line}`);
      if (notes.length > MAX_NOTES) notes.shift();
      repaint();
    },
    close,
  };
}
