/**
 * Takes one event on the server: nothing comes between the look at a version and its write, whoever else
 * writes.
 *
 * KEYS: a hash for each value; last the stream and the set of its records' ids, where there are records.
 * ARGV: how many values, of each its order and its fields (how many texts, then names and values in turn); how
 * many records, of each its id and its fields; the most records that a stream has.
 * Answers three numbers: newer values, added records, records dropped before every group had read them.
 *
 * The first line lets Redis refuse the whole script where memory is full, not its second half.
 */
export const TAKE_SCRIPT = `#!lua
local place = 0
local function text()
  place = place + 1
  return ARGV[place]
end
local function texts()
  local list = {}
  for n = 1, tonumber(text()) do list[n] = text() end
  return list
end

-- Numbers one after the other, as numbers: of two texts the longer need not be the larger.
local function isAbove(left, right)
  local next = string.gmatch(right, '%d+')
  for number in string.gmatch(left, '%d+') do
    local a, b = tonumber(number), tonumber(next() or '0')
    if a ~= b then return a > b end
  end
  return false
end

local newer = 0
for n = 1, tonumber(text()) do
  local order, fields = text(), texts()
  local there = redis.call('HGET', KEYS[n], 'order')
  if not there or isAbove(order, there) then
    -- No field of the version before stays.
    redis.call('DEL', KEYS[n])
    redis.call('HSET', KEYS[n], 'order', order, unpack(fields))
    newer = newer + 1
  end
end

local added = 0
local stream, seen = KEYS[#KEYS - 1], KEYS[#KEYS]
for n = 1, tonumber(text()) do
  local id, fields = text(), texts()
  if not redis.call('ZSCORE', seen, id) then
    local entry = redis.call('XADD', stream, '*', unpack(fields))
    redis.call('ZADD', seen, tonumber(string.match(entry, '^%d+')), id)
    added = added + 1
  end
end
if added == 0 then return { newer, 0, 0 } end

local most = tonumber(text())
-- What every group has read and acknowledged goes; the entry at which the slowest stands stays.
local slowest
for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local facts = {}
  for n = 1, #group, 2 do facts[group[n]] = group[n + 1] end
  local at = facts['last-delivered-id']
  if facts.pending > 0 then at = redis.call('XPENDING', stream, facts.name)[2] end
  if not slowest or isAbove(slowest, at) then slowest = at end
end
if slowest then redis.call('XTRIM', stream, 'MINID', slowest) end
local dropped = redis.call('XTRIM', stream, 'MAXLEN', most)
redis.call('ZREMRANGEBYRANK', seen, 0, -most - 1)
return { newer, added, slowest and dropped or 0 }
`;
