// Plain JavaScript on purpose: an old Node must be able to read it and say what is wrong.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    `Kandle needs Node 24 or newer, and this is ${process.version}.\n` +
      'The project brings its own Node 24: run "npm ci" without --ignore-scripts, then use the npm scripts ' +
      '(npm start, npm test).',
  );
  process.exit(1);
}
