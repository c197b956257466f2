import { type RestServer, startRestServer } from './rest-server.ts';

/** A vendor's REST server of symbol lists. */
export interface ListServer extends RestServer {
  /** Sets what a path with its query answers from now on, `/stock/symbol?exchange=US`; others answer 404. */
  answer(path: string, body: unknown): void;
}

/** Listens on a free port of 127.0.0.1. @param key The only one that opens the door. */
export async function startListServer(key: string): Promise<ListServer> {
  const answers = new Map<string, string>();
  const server = await startRestServer(key, (path) => answers.get(path));
  return { ...server, answer: (path, body) => void answers.set(path, JSON.stringify(body)) };
}
