import { main } from './main.ts';

/** The program of the image `kandle/backfill`: everything from the environment and the arguments. */
void main(process.argv.slice(2), process.env, {
  print: (text: string) => process.stdout.write(`${text}\n`),
  progress: (text: string) => process.stderr.write(`${text}\n`),
}).then((code) => {
  // KafkaJS may leave a timer behind; everything of ours is closed.
  process.exit(code);
});
