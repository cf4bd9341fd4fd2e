-- start_time >= '2026-11-23' AND start_time < '2026-11-23T10:30:00.000000001+09:00'
-- {"f0": 1795392000000000000, "f1": 1795397400000000001}
(((fromUnixTimestamp64Nano(started_ns, 'UTC')) >= fromUnixTimestamp64Nano({f0:Int64}, 'UTC')) AND ((fromUnixTimestamp64Nano(started_ns, 'UTC')) < fromUnixTimestamp64Nano({f1:Int64}, 'UTC')))
