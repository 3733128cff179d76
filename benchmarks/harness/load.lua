-- What wrk sends, when, and what it found, as one line of JSON. See wrk.py.
--
-- Arguments: a file with the body ("-" for GET), its content type, a token ("-" for none), and for
-- a constant rate microseconds between the requests of one thread and the number of threads.
--
-- With a rate, each thread has one connection and a timetable of its own. A request that could not
-- leave in time, since the one before was not answered, counts from the time at which it was due:
-- a server that stands still is charged for all that it kept waiting.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } governance_time;
  int clock_gettime(int clock, governance_time *time);
]]
local moment = ffi.new("governance_time")
local monotonic = ffi.os == "OSX" and 6 or 1
local threads = {}

local function now()
  ffi.C.clock_gettime(monotonic, moment)
  return tonumber(moment.seconds) * 1e6 + tonumber(moment.nanoseconds) / 1e3
end

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  local path, kind, token = args[1], args[2], args[3]
  if path ~= "-" then
    local file = io.open(path, "rb")
    wrk.method, wrk.body = "POST", file:read("*a")
    file:close()
    wrk.headers["Content-Type"] = kind
  end
  if token ~= "-" then wrk.headers["Authorization"] = "Bearer " .. token end
  message = wrk.format()
  taken = {}
  if args[4] then
    gap = tonumber(args[4])
    due = now() + 200000 + number * gap / tonumber(args[5])
  end
end

function request()
  return message
end

if os.getenv("WRK_PACED") then
  function delay()
    return math.max(0, math.floor((due - now()) / 1000))
  end

  function request()
    sent = now()
    return message
  end

  function response()
    taken[#taken + 1] = now() - math.min(sent, due)
    due = due + gap
  end
end

function done(summary, latency)
  local all = {}
  for _, thread in ipairs(threads) do
    for _, one in ipairs(thread:get("taken") or {}) do all[#all + 1] = string.format("%.0f", one) end
  end
  local e = summary.errors
  io.write(string.format(
    '\nFOUND {"requests": %d, "seconds": %.6f, "failed": %d, "p50_us": %d, "p99_us": %d, "max_us": %d, "taken_us": [%s]}\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99), latency.max, table.concat(all, ",")))
end
