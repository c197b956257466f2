/**
 * A function that blots a secret out of texts, however they write it: as it is, percent-encoded in either case
 * and in part, as a form writes a blank, with the escapes of JSON, or in base64.
 */
export function createRedact(secret: string): (text: string) => string {
  const patterns = [...base64Of(secret).map(escaped), Array.from(secret, anySpelling).join('')];
  const pattern = new RegExp(patterns.join('|'), 'g');
  return secret === '' ? (text) => text : (text) => text.replace(pattern, '***');
}

/** A character as a pattern of its spellings. */
function anySpelling(character: string): string {
  const bytes = [...Buffer.from(character)].map((byte) => byte.toString(16).padStart(2, '0'));
  const units = character.split('').map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'));
  const spellings = [
    escaped(character),
    // Once or twice encoded: %2F, %252F.
    bytes.map((hex) => `%(?:25)*${eitherCase(hex)}`).join(''),
    units.map((hex) => `\\\\+u${eitherCase(hex)}`).join(''),
    `\\\\+${escaped(character)}`,
    ...(character === ' ' ? ['\\+'] : []),
  ];
  return `(?:${spellings.join('|')})`;
}

function eitherCase(hex: string): string {
  return hex.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}

/** Base64 of the secret alone, in both alphabets, without what padding or a neighbour would change. */
function base64Of(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  if (bytes.length < 6) return [];
  return ['base64' as const, 'base64url' as const].map((encoding) =>
    bytes.subarray(0, bytes.length - (bytes.length % 3)).toString(encoding),
  );
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
