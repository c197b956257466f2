import { describeError, FatalError } from '@kandle/runtime/errors';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { archiveClosedHours } from './archive.ts';
import { readConfig } from './config.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger('archive', config.LOG_LEVEL);
  const hours = await archiveClosedHours({
    kafka: createKafka(config, 'archive', log),
    topic: config.RAW_TOPIC,
    folder: config.ARCHIVE_FOLDER,
    group: config.GROUP,
    closeAfterMs: config.CLOSE_AFTER_MS,
    readMs: config.READ_MS,
    wallMs: Date.now,
    onHour(hour, { records, files, lost }) {
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      log.info({ hour, records, bytes }, 'archived');
      if (lost.length > 0) log.warn({ hour, lost }, 'retention removed records before they were archived');
    },
  });
  log.info({ topic: config.RAW_TOPIC, hours }, 'archive ends');
}

/** What no other try would mend: the Job gives up. */
const EXIT_FATAL = 3;

main().then(
  // KafkaJS may leave a timer behind; everything of ours is closed.
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`archive: ${describeError(error)}\n`);
    process.exit(error instanceof FatalError ? EXIT_FATAL : 1);
  },
);
