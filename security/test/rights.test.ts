import { testForeignLogins } from './foreign-logins.ts';
import { testMatrix } from './matrix.ts';
import { testPlantedSecrets } from './planted-secrets.ts';
import { testReplay } from './replay.ts';
import { useSecuredServers } from './secured-servers.ts';

// One file, so that the servers start once. The matrix writes into the topics: it comes after the replay.
const secured = useSecuredServers();
testReplay(secured);
testForeignLogins(secured);
testMatrix(secured);
testPlantedSecrets(secured);
