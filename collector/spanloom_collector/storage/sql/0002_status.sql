-- What became of a span, worked out wherever it is read. One that never ended is running, until an
-- hour has passed in which nothing more was heard of it: then its process is taken for dead.
ALTER TABLE spans ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS status String ALIAS multiIf(
        toUnixTimestamp64Nano(end_time) != 0, ['unset', 'ok', 'error'][status_code + 1],
        received_time < now64(9) - toIntervalHour(1), 'lost',
        'running'
    ) AFTER status_message,
    ADD COLUMN IF NOT EXISTS duration_ms Nullable(Float64) ALIAS if(
        toUnixTimestamp64Nano(end_time) = 0,
        NULL,
        (toUnixTimestamp64Nano(end_time) - toUnixTimestamp64Nano(start_time)) / 1e6
    ) AFTER status;
