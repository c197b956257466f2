import { main } from './main.ts';

/** The program of the image `kandle/audit`: everything from the environment and the arguments. */
void main(process.argv.slice(2), process.env, {
  print: (text) => process.stdout.write(`${text}\n`),
  progress: (text) => process.stderr.write(`${text}\n`),
}).then((code) => {
  process.exitCode = code;
});
