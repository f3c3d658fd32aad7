-- Requests by wrk about many keys, one after the other: gets, or puts of JSON. The arguments are the
-- method, how many keys there are, and a body or "". Ends with a line of JSON about all of it.

local requests, at = {}, 0

function init(arguments)
   local method, count, body = arguments[1], tonumber(arguments[2]), arguments[3]
   local headers = {}
   if body ~= "" then
      headers["Content-Type"] = "application/json"
   end
   for n = 0, count - 1 do
      local path = string.format("/v1/kv/key-%05d", n)
      requests[n + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
   end
end

function request()
   at = at % #requests + 1
   return requests[at]
end

function done(summary, latency)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
   local line = '\n{"requests": %d, "took_us": %d, "failed": %d, "median_us": %d, "p99_us": %d}\n'
   io.write(string.format(line, summary.requests, summary.duration, failed,
      latency:percentile(50), latency:percentile(99)))
end
