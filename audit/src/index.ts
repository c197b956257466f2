import { askAtTerminal } from './ask.ts';
import { main as audit } from './main.ts';
import { main as restore } from './restore/main.ts';

/**
 * The program of the image `kandle/audit`: everything from the environment and the arguments. Its first
 * argument may be `restore`, which ends with an audit.
 */
const [first, ...rest] = process.argv.slice(2);
const output = {
  print: (text: string) => process.stdout.write(`${text}\n`),
  progress: (text: string) => process.stderr.write(`${text}\n`),
  ask: askAtTerminal,
};

void (
  first === 'restore' ? restore(rest, process.env, output) : audit(process.argv.slice(2), process.env, output)
).then((code) => {
  process.exitCode = code;
});
