// The scripts need Redis 7: only a script that says so may write where the memory is full, and the answer to a refresh must be stored.
// Each names all its keys, which have one hash tag, so a cluster runs them.

/** Returns the text and the failure. KEYS: value, failure. */
export const READ_SCRIPT: string = `#!lua flags=no-writes
return {redis.call('HGET', KEYS[1], 'text'), redis.call('GET', KEYS[2])}`;

/**
 * A fence is newer than all earlier ones, also after the counter was lost in a restart or a failover: then the time of Redis is greater.
 * The counter expires, because the time replaces it.
 */
const NEXT_FENCE = `
local function nextFence(key, expiry)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local fence = string.format('%.0f', math.max(redis.call('INCR', key), now))
  redis.call('SET', key, fence, 'PX', expiry)
  return fence
end`;

/** Takes the lease if it is free. KEYS: value, failure, lease, fence. ARGV: owner, lease, expiry of the fence. */
export const LOCK_SCRIPT: string = `#!lua${NEXT_FENCE}
local text = redis.call('HGET', KEYS[1], 'text')
local failure = redis.call('GET', KEYS[2])
if not redis.call('SET', KEYS[3], ARGV[1], 'NX', 'PX', ARGV[2]) then return {false, text, failure} end
return {nextFence(KEYS[4], ARGV[3]), text, failure}`;

/** Makes a fence without the lease. KEYS: fence. ARGV: expiry of the fence. */
export const FENCE_SCRIPT: string = `#!lua${NEXT_FENCE}
return nextFence(KEYS[1], ARGV[1])`;

/**
 * Where Redis has lost the lease in a restart or a failover, the holder takes it again, if no other holder has had it since: such a holder
 * has a newer fence.
 */
const HOLD = `
local function hold()
  local owner = redis.call('GET', KEYS[1])
  if owner and owner ~= ARGV[1] then return false end
  if not owner then
    if tonumber(redis.call('GET', KEYS[2]) or 0) > tonumber(ARGV[3]) then return false end
    redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
  end
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return true
end`;

/** Renews the lease. KEYS: lease, fence. ARGV: owner, lease, fence, expiry of the fence. */
export const RENEW_SCRIPT: string = `#!lua flags=allow-oom${HOLD}
return hold() and 'held' or 'lost'`;

/** Renews the lease and leaves a sign. KEYS: lease, fence, sign. ARGV: owner, lease, fence, expiry of the fence, expiry of the sign. */
export const RESERVE_SCRIPT: string = `#!lua${HOLD}
if not hold() then return 'lost' end
local sign = redis.call('GET', KEYS[3])
if sign and sign ~= ARGV[3] then return 'interrupted' end
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[5])
return 'reserved'`;

/** Removes the sign of this holder. KEYS: sign. ARGV: fence. */
export const RELEASE_SCRIPT: string = `#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

/**
 * Writes the text, or deletes it if there is none, unless a newer fence has written. What is left of a deleted value expires: it refuses
 * older writers. KEYS: value, sign. ARGV: fence, expiry of the fence, text.
 */
export const WRITE_SCRIPT: string = `#!lua flags=allow-oom
if tonumber(redis.call('HGET', KEYS[1], 'fence') or 0) > tonumber(ARGV[1]) then return 'refused' end
redis.call('HSET', KEYS[1], 'fence', ARGV[1])
if ARGV[3] then
  redis.call('HSET', KEYS[1], 'text', ARGV[3])
  redis.call('PERSIST', KEYS[1])
else
  redis.call('HDEL', KEYS[1], 'text')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
redis.call('DEL', KEYS[2])
return 'written'`;

/** Frees the lease of this holder, and leaves its failure. KEYS: lease, failure. ARGV: owner, expiry of the failure, failure. */
export const END_SCRIPT: string = `#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return end
redis.call('DEL', KEYS[1])
if ARGV[3] then redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[2]) end`;
