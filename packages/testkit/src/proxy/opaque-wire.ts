import { type Frame, UNKNOWN, type Wire } from './wire.ts';

/** Bytes that nobody can look into, as of TLS: they can be cut, slowed and held, and not told apart. */
export const opaqueWire: Wire = {
  open: () => ({ fromClient: frameFrom('client'), fromServer: frameFrom('server') }),
};

function frameFrom(from: Frame['from']): (bytes: Buffer) => readonly Frame[] {
  return (bytes) => [{ from, request: UNKNOWN, bytes }];
}
