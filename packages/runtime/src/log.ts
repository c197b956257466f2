import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/**
 * The logger of a process: one JSON line per entry on standard error, with the function's name.
 *
 * @param name Function or process, such as `aggregate`.
 * @param level `debug`, `info`, `warn`, `error` or `silent`.
 */
export function createLogger(name: string, level = 'info'): Logger {
  return pino(
    {
      level,
      base: { name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
