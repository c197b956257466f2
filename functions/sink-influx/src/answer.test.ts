import { describe, expect, test } from 'vitest';
import { judgeAnswer } from './answer.ts';
import { writeRequest } from './write-request.ts';

describe('judgeAnswer()', () => {
  test.each([
    ['taken', 204, '', ''],
    // Not durable, or not from InfluxDB.
    ['later', 200, '', '200 '],
    ['later', 202, '', '202 '],
    ['later', 301, '', '301 '],
    [
      'refused',
      400,
      '{"error":"partial write: field type conflict: \\"x\\" dropped=1"}',
      '400 partial write: field type conflict: "x" dropped=1',
    ],
    [
      'refused',
      422,
      '{"code":"unprocessable entity","message":"outside retention"}',
      '422 outside retention',
    ],
    [
      'refused',
      400,
      '{"error":"partial write of line protocol occurred","data":[{"original_line":"m a=1","line_number":2,"error_message":"no such\\nthing"},{"original_line":"m","line_number":3,"error_message":"x"}]}',
      '400 partial write of line protocol occurred: 2 lines, of line 2 no such thing',
    ],
    ['refused', 413, '<html>too large</html>', '413 <html>too large</html>'],
    ['later', 401, '{"code":"unauthorized","message":"unauthorized access"}', '401 unauthorized access'],
    ['later', 404, '{"error":"database not found: \\"kandle\\""}', '404 database not found: "kandle"'],
    ['later', 429, '', '429 '],
    [
      'later',
      503,
      '{"error":"engine: cache maximum memory size exceeded"}',
      '503 engine: cache maximum memory size exceeded',
    ],
  ])('says %s of %i', (kind, status, body, reason) => {
    expect(judgeAnswer(status, body)).toEqual({ kind, reason });
  });

  test('keeps reasons short', () => {
    expect(judgeAnswer(400, 'x'.repeat(10_000)).reason).toHaveLength(300);
  });
});

describe('writeRequest()', () => {
  const target = { url: 'http://influx:8086/', database: 'kan dle', org: 'o&o', token: 'a:b' } as const;

  test.each([
    ['v1', 'http://influx:8086/write?db=kan+dle&precision=ns', 'Basic YTpi'],
    ['v2', 'http://influx:8086/api/v2/write?org=o%26o&bucket=kan+dle&precision=ns', 'Token a:b'],
    [
      'v3',
      'http://influx:8086/api/v3/write_lp?db=kan+dle&precision=nanosecond&accept_partial=true',
      'Bearer a:b',
    ],
  ] as const)('names address and login of %s', (api, url, authorization) => {
    const request = writeRequest({ ...target, api });
    expect(request.url.href).toBe(url);
    expect(request.headers).toMatchObject({ authorization });
  });

  test('keeps the path of the address, and sends no login where there is none', () => {
    const { url, headers } = writeRequest({
      ...target,
      url: 'https://host/influx',
      api: 'v1',
      token: undefined,
    });
    expect(url.pathname).toBe('/influx/write');
    expect(headers).not.toHaveProperty('authorization');
  });
});
