
SELECT toUnixTimestamp64Nano(max(end_time)) - toUnixTimestamp64Nano(min(start_time)) AS sort_value, trace_id
FROM spans FINAL
WHERE project = {project:String}
  AND start_time >= fromUnixTimestamp64Nano({low:Int64}, 'UTC')
  AND start_time < fromUnixTimestamp64Nano({high:Int64}, 'UTC')
GROUP BY trace_id
HAVING (sort_value, trace_id) > ({value:Int64}, {id:String}) AND (((argMin(status, (parent_span_id != '', start_time, span_id))) = {f0:String}) AND ((argMin(tuple(multiIf(mapContains(attr_int, {f1:String}), toNullable(toFloat64(attr_int[{f1:String}])), mapContains(attr_float, {f1:String}), attr_float[{f1:String}], NULL)), (parent_span_id != '', start_time, span_id)).1) > {f2:Int64}))
ORDER BY sort_value ASC, trace_id ASC
LIMIT {limit:UInt32}
