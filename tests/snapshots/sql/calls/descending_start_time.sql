
SELECT toUnixTimestamp64Nano(start_time) AS sort_value, concat(leftPad(toString(toUnixTimestamp64Nano(start_time)), 20, '0'), concat(trace_id, span_id)) AS place, concat(trace_id, span_id) AS key, toUnixTimestamp64Nano(start_time) AS start
FROM spans FINAL
WHERE project = {project:String}
  AND ((status = {f0:String}) AND ((multiIf(mapContains(attr_int, {f1:String}), toNullable(toFloat64(attr_int[{f1:String}])), mapContains(attr_float, {f1:String}), attr_float[{f1:String}], NULL)) > {f2:Int64}))
  AND start_time >= fromUnixTimestamp64Nano({low:Int64}, 'UTC')
  AND start_time < fromUnixTimestamp64Nano({high:Int64}, 'UTC')
  AND (sort_value, place) < ({after_value:Int64}, {after_place:String})
ORDER BY sort_value DESC, place DESC
LIMIT {limit:UInt32}
