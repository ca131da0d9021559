-- What wrk(1) sends and what it tells at the end. Arguments: method, bytes of the body.
-- The request is made once: without a request() function wrk sends the same bytes again, at no cost.

function init(args)
   wrk.method = args[1]
   local size = tonumber(args[2])
   if size > 0 then
      wrk.body = string.rep("0123456789abcdef", math.ceil(size / 16)):sub(1, size)
   end
end

function done(summary, latency, requests)
   local failed = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "bytes": %d, "microseconds": %d, "p50": %d, "p99": %d, "connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
      summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
      failed.connect, failed.read, failed.write, failed.status, failed.timeout))
end
